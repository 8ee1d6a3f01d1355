import { Code, ConnectError } from "@connectrpc/connect";
import type { CallPolicy } from "../config/options.ts";
import { abortedBy, deadlineExceeded } from "../errors.ts";

/** Runs a call under the user's policy. What the policy itself fails with becomes a ConnectError, as every transport's errors are. */
export async function underPolicy<R>(
  policy: CallPolicy | undefined,
  signal: AbortSignal | undefined,
  call: (signal: AbortSignal | undefined) => Promise<R>,
): Promise<R> {
  if (policy === undefined) return call(signal);
  try {
    return await policy.execute((context) => call(context.signal), signal);
  } catch (error) {
    throw asConnectError(error, signal);
  }
}

/** cockatiel brands its errors, because a process may hold several copies of it. */
function asConnectError(error: unknown, signal: AbortSignal | undefined): ConnectError {
  if (error instanceof ConnectError) return error;
  if (signal?.aborted) return abortedBy(signal);
  const { isBrokenCircuitError, isBulkheadRejectedError, isTaskCancelledError } = Object(error) as Record<
    string,
    unknown
  >;
  if (isTaskCancelledError === true) return deadlineExceeded();
  if (isBrokenCircuitError === true) return by("the policy's circuit is open", Code.Unavailable, error);
  if (isBulkheadRejectedError === true) return by("the policy's bulkhead is full", Code.ResourceExhausted, error);
  return ConnectError.from(error);
}

function by(message: string, code: Code, cause: unknown): ConnectError {
  return new ConnectError(message, code, undefined, undefined, cause);
}
