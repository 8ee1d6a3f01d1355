import { isTaskCancelledError, TimeoutStrategy, timeout } from "cockatiel";
import { abortedBy, deadlineExceeded } from "../errors.ts";
import type { Attempt } from "./attempt.ts";

/** No connection within `connectTimeoutMs`. */
class ConnectTimeoutError extends Error {
  override readonly name = "ConnectTimeoutError";
  readonly code = "ETIMEDOUT";
}

/**
 * Waits until an attempt's connection is there, within the connect timeout and the call's own limits. The wait, not
 * the connection, holds the process: once nobody waits any more, a dial that hangs keeps nothing alive.
 *
 * @param markNotSent told the error of a connection that could not be made.
 */
export async function connected(
  attempt: Attempt,
  connecting: Promise<void>,
  connectTimeoutMs: number,
  markNotSent: (error: unknown) => void,
): Promise<void> {
  const { signal, deadline } = attempt.call;
  const left = deadline - attempt.startedAt;
  const limit = timeout(Math.min(connectTimeoutMs, left), {
    strategy: TimeoutStrategy.Aggressive,
    abortOnReturn: false,
  });
  try {
    await limit.execute(() => connecting, signal);
  } catch (error) {
    attempt.stopWaiting();
    if (signal?.aborted) throw abortedBy(signal);
    if (isTaskCancelledError(error)) {
      if (left <= connectTimeoutMs) throw deadlineExceeded();
      const timedOut = new ConnectTimeoutError(`no connection within ${connectTimeoutMs} ms`);
      markNotSent(timedOut);
      throw timedOut;
    }
    markNotSent(error);
    throw error;
  }
}
