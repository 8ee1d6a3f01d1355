import { abortedBy, deadlineExceeded } from "../errors.ts";
import { connectTimeout, waitForConnection } from "../resilience/connect-limit.ts";
import { recordSight } from "../resilience/connection-hints.ts";
import { recordFact } from "../resilience/failure-facts.ts";
import { isTimeLimit } from "../resilience/policies.ts";
import type { Clock } from "../runtime.ts";

/** How long a call, or a warm-up, waits for a connection. */
export interface ConnectionWait {
  readonly signal: AbortSignal | undefined;
  /** What the call has left, if that is less than the connect timeout; Infinity for no limit of its own. */
  readonly leftMs: number;
  readonly connectTimeoutMs: number;
  readonly clock: Clock;
}

/**
 * Waits until a connection is made, within the connect timeout and the call's own limits.
 *
 * @throws ConnectTimeoutError after the connect timeout; ConnectError if the call is aborted or has no time left.
 */
export async function connected<T>(connecting: Promise<T>, wait: ConnectionWait): Promise<T> {
  const { signal, leftMs, connectTimeoutMs, clock } = wait;
  const startedAt = clock.now();
  let connection: T;
  try {
    connection = await waitForConnection(connecting, { ms: connectTimeoutMs, clock }, leftMs, signal);
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
