import type { Clock } from "../runtime.ts";
import { isTimeLimit, withTimeLimit } from "./policies.ts";

// How long a connection may take to be made: for a call that waits for it, and for the dial, which may go on without the
// call (`node/net/dial-limit.ts`). Both count only time in which this process ran.

/** How long a connect goes on for a call that has nowhere else to go. */
export const LONGEST_CONNECT_MS = 20_000;

export interface ConnectLimit {
  readonly ms: number;
  readonly clock: Clock;
}

/** No connection in time. It may still be made. In the shape of the kernel's own error. */
export class ConnectTimeoutError extends Error {
  override readonly name = "ConnectTimeoutError";
  readonly code = "ETIMEDOUT";
  readonly syscall = "connect";
}

export function connectTimeout(ms: number): ConnectTimeoutError {
  return new ConnectTimeoutError(`no connection within ${ms} ms`);
}

/**
 * Waits for a connection by cockatiel's timeout. The wait holds the process, not the connection.
 *
 * @param leftMs what the call that waits has left; Infinity for no limit of its own.
 * @throws an error of which `isTimeLimit()` is true when the time is up, or when the signal aborts.
 */
export async function waitForConnection<T>(
  connecting: Promise<T>,
  { ms, clock }: ConnectLimit,
  leftMs = Number.POSITIVE_INFINITY,
  signal?: AbortSignal,
): Promise<T> {
  const startedAt = clock.now();
  const limitMs = Math.min(ms, leftMs);
  try {
    return await withTimeLimit(limitMs, connecting, signal);
  } catch (error) {
    if (signal?.aborted || !isTimeLimit(error)) throw error;
    const passedMs = clock.now() - startedAt;
    const moreMs = Math.min(extensionMs(passedMs - limitMs, ms), leftMs - passedMs);
    if (moreMs <= 0) throw error;
    return await withTimeLimit(moreMs, connecting, signal);
  }
}

/** A garbage collection or a long turn makes timers as late as this. */
const ON_TIME_MS = 50;

/**
 * What to add to a limit whose timer was late. The process did not run meanwhile (a freeze, a loading module, a
 * throttled CPU), and timers come before the poll phase that shows what has arrived: without another look, a healthy
 * server would pass for a dead one. As long as the timer was late, and at most the limit again; 0 if it was on time.
 */
export function extensionMs(lateMs: number, limitMs: number): number {
  return lateMs > ON_TIME_MS ? Math.min(lateMs, limitMs) : 0;
}
