import { abortedBy, deadlineExceeded } from "../errors.ts";
import { extensionMs } from "../late-timer.ts";
import { connectTimeout } from "../net/connect-timeout.ts";
import { recordSight } from "../resilience/connection-hints.ts";
import { recordFact } from "../resilience/failure-facts.ts";
import { isTimeLimit, withTimeLimit } from "../resilience/policies.ts";
import type { Clock } from "../runtime.ts";

/** How long a call without a deadline waits for a connection where there is nothing else to try. */
export const LONGEST_CONNECT_MS = 20_000;

/** Who waits for a connection, and for how long. */
export interface ConnectionWait {
  readonly signal: AbortSignal | undefined;
  /** What the waiter has left, if that is less than the connect timeout; Infinity for no limit of its own. */
  readonly leftMs: number;
  readonly connectTimeoutMs: number;
  readonly clock: Clock;
}

/**
 * Waits until a connection is there, within the connect timeout and the waiter's own limits. The wait, not the
 * connection, holds the process.
 *
 * @throws ConnectTimeoutError after the connect timeout; ConnectError if the waiter aborts or has no time left.
 */
export async function connected<T>(connecting: Promise<T>, wait: ConnectionWait): Promise<T> {
  const { signal, leftMs, connectTimeoutMs, clock } = wait;
  const startedAt = clock.now();
  const limitMs = Math.min(connectTimeoutMs, leftMs);
  let connection: T;
  try {
    connection = await withTimeLimit(limitMs, connecting, signal).catch((error) => {
      if (signal?.aborted || !isTimeLimit(error)) throw error;
      const passedMs = clock.now() - startedAt;
      const moreMs = Math.min(extensionMs(passedMs - limitMs, connectTimeoutMs), leftMs - passedMs);
      if (moreMs <= 0) throw error;
      return withTimeLimit(moreMs, connecting, signal);
    });
  } catch (error) {
    if (signal?.aborted) throw abortedBy(signal);
    if (isTimeLimit(error)) {
      if (leftMs <= connectTimeoutMs || clock.now() - startedAt >= leftMs) {
        const late = deadlineExceeded();
        recordSight(late, "no-connection");
        throw late;
      }
      const timedOut = connectTimeout(connectTimeoutMs);
      recordFact(timedOut, "not-sent");
      throw timedOut;
    }
    recordFact(error, "not-sent");
    throw error;
  }
  // Where the process was held up, the connection may show before the timer does.
  if (clock.now() - startedAt >= leftMs) throw deadlineExceeded();
  return connection;
}
