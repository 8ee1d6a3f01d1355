import type { Endpoint, ListedEndpoint } from "../endpoint.ts";
import { identityOf } from "../endpoint.ts";
import type { EndpointState } from "./endpoint-state.ts";

/**
 * How long the state of an endpoint that left is kept, so that a flapping answer does not reset what is known of it. Of
 * one that was never used nothing is known.
 */
const KEEP_MS = 10 * 60_000;

/** RFC 2782: weight 0 has "a very small chance" where others have more: this part of the smallest of them. */
const ZERO_WEIGHT_SHARE = 0.01;

export interface Reconciled {
  /** By tier, the first one first. */
  readonly tiers: readonly (readonly EndpointState[])[];
  readonly added: readonly EndpointState[];
  readonly removed: readonly EndpointState[];
}

/**
 * Brings the endpoints' states in line with a new answer: endpoints that are known keep their connections, load and health.
 *
 * @param states every known state by key, those that left included; changed in place.
 * @param create makes the state of an endpoint seen for the first time.
 */
export function reconcile(
  states: Map<string, EndpointState>,
  specs: readonly ListedEndpoint[],
  verifiedName: (spec: ListedEndpoint) => string,
  create: (key: string, endpoint: Endpoint) => EndpointState,
  now: number,
): Reconciled {
  const current = new Map<string, EndpointState>();
  const weights = new Map<EndpointState, number>();
  const added: EndpointState[] = [];
  for (const spec of specs) {
    const name = verifiedName(spec);
    const key = identityOf({ address: spec.address, port: spec.port, verifiedName: name });
    const tier = spec.tier ?? 0;
    const weight = spec.weight ?? 1;
    const twin = current.get(key);
    if (twin !== undefined) {
      // Listed twice: in the better tier, with what both entries give it there.
      if (tier === twin.tier) weights.set(twin, (weights.get(twin) as number) + weight);
      if (tier >= twin.tier) continue;
    }
    const known = twin ?? states.get(key);
    const endpoint = endpointOf(spec, name);
    const state = known === undefined || isForgotten(known, now) ? create(key, endpoint) : known;
    if (states.get(key) !== state || state.leftAt !== undefined) added.push(state);
    state.leftAt = undefined;
    if (!sameDescription(state.endpoint, endpoint)) state.endpoint = endpoint;
    state.tier = tier;
    states.set(key, state);
    current.set(key, state);
    weights.set(state, weight);
  }
  const removed: EndpointState[] = [];
  for (const [key, state] of states) {
    if (current.has(key)) continue;
    if (state.leftAt === undefined) {
      state.leftAt = now;
      removed.push(state);
      if (isUnknown(state, now)) states.delete(key);
      if (state.inFlight === 0) state.closeTransport();
    } else if (isForgotten(state, now)) {
      states.delete(key);
    }
  }
  const tiers = byTier(current.values());
  for (const tier of tiers) setWeights(tier, weights);
  return { tiers, added: added.filter((state) => current.get(state.key) === state), removed };
}

function isUnknown({ transport, breaker, inFlight }: EndpointState, now: number): boolean {
  return transport === undefined && inFlight === 0 && (breaker?.state(now) ?? "closed") === "closed";
}

/** A clock that went back by a day keeps no state for a day. */
function isForgotten({ leftAt, inFlight }: EndpointState, now: number): boolean {
  return leftAt !== undefined && Math.abs(now - leftAt) > KEEP_MS && inFlight === 0;
}

function endpointOf(spec: ListedEndpoint, verifiedName: string): Endpoint {
  return {
    address: spec.address,
    ...(spec.alternateAddress === undefined ? {} : { alternateAddress: spec.alternateAddress }),
    port: spec.port,
    verifiedName,
    ...(spec.name === undefined ? {} : { name: spec.name }),
    ...(spec.fallback ? { fallback: spec.fallback } : {}),
    metadata: spec.metadata ?? {},
  };
}

function sameDescription(a: Endpoint, b: Endpoint): boolean {
  if (a.name !== b.name || a.fallback !== b.fallback || a.alternateAddress !== b.alternateAddress) return false;
  const names = Object.keys(a.metadata);
  return (
    names.length === Object.keys(b.metadata).length && names.every((name) => a.metadata[name] === b.metadata[name])
  );
}

function byTier(states: Iterable<EndpointState>): EndpointState[][] {
  const tiers = new Map<number, EndpointState[]>();
  for (const state of states) {
    const tier = tiers.get(state.tier);
    if (tier === undefined) tiers.set(state.tier, [state]);
    else tier.push(state);
  }
  return [...tiers.entries()].sort(([a], [b]) => a - b).map(([, tier]) => tier);
}

function setWeights(tier: readonly EndpointState[], weights: ReadonlyMap<EndpointState, number>): void {
  let smallest = Number.POSITIVE_INFINITY;
  for (const state of tier) {
    const weight = weights.get(state) as number;
    if (weight > 0) smallest = Math.min(smallest, weight);
  }
  // All zero: the same for everyone.
  const forZero = smallest === Number.POSITIVE_INFINITY ? 1 : smallest * ZERO_WEIGHT_SHARE;
  for (const state of tier) state.weight = (weights.get(state) as number) || forZero;
}
