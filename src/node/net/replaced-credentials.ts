import type { Credentials } from "./tls-context.ts";

/** A connection that was made with credentials which have been replaced takes no new calls after this. */
const LONGEST_USE_MS = 300_000;

/** A connection, as far as its credentials decide how long it is used. */
interface Used {
  readonly credentials: Credentials | undefined;
  /** When it is due to be replaced by another one. */
  replaceAt: number;
  /** When it takes no more calls, replaced or not. */
  retireAt: number;
}

/** Sets a connection's end once its credentials have been replaced. It is replaced before, so that no call waits. */
export function endWithCredentials(connection: Used, now: number, maxAgeMs: number, random: () => number): void {
  const replacedAt = connection.credentials?.replacedAt;
  if (replacedAt === undefined) return;
  const longestMs = longestUseMs(maxAgeMs);
  const isSet = connection.retireAt !== Number.POSITIVE_INFINITY;
  // A clock that was set back must not make it longer.
  if (isSet && connection.retireAt - longestMs <= now) return;
  const since = Math.min(replacedAt, now);
  connection.retireAt = since + longestMs;
  // Spread, so that a fleet whose files change together does not dial together.
  connection.replaceAt = Math.min(connection.replaceAt, since + longestMs * (0.5 + 0.4 * random()));
}

/** @param maxAgeMs of any connection. */
export function longestUseMs(maxAgeMs: number): number {
  return Math.min(maxAgeMs, LONGEST_USE_MS);
}
