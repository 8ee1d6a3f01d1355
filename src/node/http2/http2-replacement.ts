import { endWithCredentials } from "../net/replaced-credentials.ts";
import type { Http2Connection } from "./http2-connection.ts";

// When a connection gives way to another one, without a call waiting for that.

/** How soon the replacement of a connection is tried again. */
const AGAIN_MS = 10_000;

export interface ConnectionAgeLimits {
  /** A connection that is older is replaced; Infinity for no limit. */
  readonly maxAgeMs: number;
  readonly random: () => number;
}

/** Spread, so that connections made together do not all end together (gRPC servers' MAX_CONNECTION_AGE, too). */
export function spreadAgeMs({ maxAgeMs, random }: ConnectionAgeLimits): number {
  return maxAgeMs * (0.9 + 0.2 * random());
}

/** Its replacement is on its way. Where that fails, it stays in use for a while. */
export function putOff(connection: Http2Connection): void {
  connection.replaceAt += AGAIN_MS;
}

/** Whether a new connection takes its place, as that of all but those that are in use to the full. */
export function isReplaced(connection: Http2Connection, now: number): boolean {
  const isDue = now > connection.replaceAt - AGAIN_MS;
  return !connection.usable || !connection.isFull || isDue;
}

/** Whether its credentials were replaced on disk so long ago that it must not be used any more, replaced or not. */
export function isOutdated(
  connection: Http2Connection,
  now: number,
  { maxAgeMs, random }: ConnectionAgeLimits,
): boolean {
  endWithCredentials(connection, now, maxAgeMs, random);
  return now >= connection.retireAt;
}
