import { isTaskCancelledError, TimeoutStrategy, timeout } from "cockatiel";
import { abortedBy, deadlineExceeded } from "../errors.ts";

/** No connection within `connectTimeoutMs`. */
class ConnectTimeoutError extends Error {
  override readonly name = "ConnectTimeoutError";
  readonly code = "ETIMEDOUT";
}

/** Who waits for a connection, and for how long. */
export interface ConnectionWait {
  readonly signal: AbortSignal | undefined;
  /** What the waiter has left, if that is less than the connect timeout; Infinity for no limit of its own. */
  readonly leftMs: number;
  readonly connectTimeoutMs: number;
  /** Tells the connection that nobody waits any more. */
  stopWaiting(): void;
  /** Told the error of a connection that could not be made. */
  markNotSent(error: unknown): void;
}

/**
 * Waits until a connection is there, within the connect timeout and the waiter's own limits. The wait, not the
 * connection, holds the process: once nobody waits any more, a dial that hangs keeps nothing alive.
 */
export async function connected(connecting: Promise<void>, wait: ConnectionWait): Promise<void> {
  const { signal, leftMs, connectTimeoutMs } = wait;
  const limit = timeout(Math.min(connectTimeoutMs, leftMs), {
    strategy: TimeoutStrategy.Aggressive,
    abortOnReturn: false,
  });
  try {
    await limit.execute(() => connecting, signal);
  } catch (error) {
    wait.stopWaiting();
    if (signal?.aborted) throw abortedBy(signal);
    if (isTaskCancelledError(error)) {
      if (leftMs <= connectTimeoutMs) throw deadlineExceeded();
      const timedOut = new ConnectTimeoutError(`no connection within ${connectTimeoutMs} ms`);
      wait.markNotSent(timedOut);
      throw timedOut;
    }
    wait.markNotSent(error);
    throw error;
  }
}
