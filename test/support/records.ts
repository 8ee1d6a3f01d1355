import { EndpointState } from "../../src/endpoints/endpoint-state.ts";
import type { EndpointTransport } from "../../src/endpoints/endpoint-transport.ts";
import type { FailureKind } from "../../src/resilience/outcome.ts";

export const BREAKER_LIMITS = { consecutiveFailures: 3, failureRatio: 0.5, minCalls: 10 };

export interface RecordFields {
  tier?: number;
  weight?: number;
  breaker?: boolean;
}

/** A record as the pool makes it; times out are always the longest. */
export function record(name: string, { tier = 0, weight = 1, breaker = true }: RecordFields = {}): EndpointState {
  const made = new EndpointState(name, { address: name, port: 80, verifiedName: "test", metadata: {} }, 0.5, {
    breaker: breaker && BREAKER_LIMITS,
    random: () => 1 - Number.EPSILON,
  });
  made.tier = tier;
  made.weight = weight;
  return made;
}

/** Fails attempts until the endpoint is out: 1 s after a connect failure, 5 s after answered ones. */
export async function eject(target: EndpointState, kind: FailureKind, now: number): Promise<void> {
  do await target.failed(target.breaker?.start(now), kind, now);
  while (target.breaker?.state(now) === "closed");
}

/** A transport that only knows whether it was closed. */
export function closable(): EndpointTransport & { closed: number } {
  const notUsed = () => Promise.reject(new Error("not used"));
  const transport = {
    closed: 0,
    unary: notUsed,
    stream: notUsed,
    close: () => {
      transport.closed++;
    },
  };
  return transport;
}
