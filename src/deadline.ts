import type { CallOptions } from "@connectrpc/connect";

/** A Lambda's context, or anything that knows how much time is left. */
export interface RemainingTime {
  /** Milliseconds. */
  getRemainingTimeInMillis(): number;
}

/** Time to answer with what the call returned, or with its error, before the platform ends the process. */
const MARGIN_MS = 250;

/**
 * Call options that end a call, all attempts together, before the invocation that it belongs to:
 * `users.getUser(request, deadlineFrom(context))`.
 *
 * @param marginMs what is left to the handler after the call. Default 250.
 */
export function deadlineFrom(
  context: RemainingTime,
  { marginMs = MARGIN_MS }: { readonly marginMs?: number } = {},
): Pick<CallOptions, "timeoutMs"> & { readonly timeoutMs: number } {
  const left = context.getRemainingTimeInMillis() - marginMs;
  // To Connect, 0 and below is no limit at all; an invocation that is over still has one.
  return { timeoutMs: Number.isNaN(left) ? 1 : Math.max(1, Math.floor(left)) };
}
