import type { ConnectionEnd } from "../../endpoints/endpoint-transport.ts";
import type { Http2Connection } from "./http2-connection.ts";
import type { SilentGap } from "./silent-gap.ts";

// Whether a connection that was idle can still be used. Asked by a call, after it has seen what arrived meanwhile.

export interface IdleLimits {
  /** A connection unused for longer is replaced before the next call. */
  readonly idleMs: number;
  /** One unused for longer is asked by PING whether its server is still there. */
  readonly verifyAfterMs: number;
  /** Of all endpoints of the transport. */
  readonly silentGap: SilentGap;
}

/** Why a connection must not be used any more; undefined if it may be. */
export function whyPastUse(
  { liveness, heardAt, inFlight }: Http2Connection,
  now: number,
  { idleMs, silentGap }: IdleLimits,
): ConnectionEnd | undefined {
  // Load balancers drop idle connections, the first of them after 60 s, some without FIN or RST.
  if (inFlight === 0 && now - heardAt > idleMs) return "idle";
  return now < liveness.mayPingAt || silentGap.covers(heardAt, now) ? "silent" : undefined;
}

/** The PING by which a connection is verified; undefined if it need not be. */
export function verification(
  connection: Http2Connection,
  now: number,
  { verifyAfterMs, silentGap }: IdleLimits,
): Promise<boolean> | undefined {
  const { liveness, heardAt } = connection;
  if (liveness.verification !== undefined || now - heardAt < verifyAfterMs) return liveness.verification;
  const verified = liveness.verify();
  void verified.then((isAlive) => {
    if (isAlive) return;
    silentGap.foundSilent(now - verifyAfterMs, now);
    connection.foundSilent();
  });
  return verified;
}
