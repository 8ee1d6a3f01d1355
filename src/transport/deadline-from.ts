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
 * @param context the second argument of a Lambda's handler.
 * @param marginMs what is left to the handler after the call. Default 250.
 * @throws TypeError where there is no such context, or the margin is not a number of milliseconds from 0.
 */
export function deadlineFrom(
  context: RemainingTime,
  { marginMs = MARGIN_MS }: { readonly marginMs?: number } = {},
): {
  /** The time that is left to the call, in whole milliseconds from 1. */
  readonly timeoutMs: number;
} {
  if (typeof (context as RemainingTime | undefined)?.getRemainingTimeInMillis !== "function") {
    throw new TypeError(
      "deadlineFrom needs an object with getRemainingTimeInMillis(): the second argument of a Lambda's handler is one",
    );
  }
  if (typeof marginMs !== "number" || !(marginMs >= 0)) {
    throw new TypeError(`deadlineFrom: marginMs must be a number of milliseconds from 0, not ${String(marginMs)}`);
  }
  const left = context.getRemainingTimeInMillis() - marginMs;
  // To Connect, 0 and below is no limit at all; an invocation that is over still has one.
  return { timeoutMs: Number.isNaN(left) ? 1 : Math.max(1, Math.floor(left)) };
}
