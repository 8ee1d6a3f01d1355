import type { Endpoint, ListedEndpoint } from "../endpoint.ts";
import { identityOf } from "../endpoint.ts";
import type { EndpointRecord } from "./endpoint-state.ts";

/**
 * How long the record of an endpoint that left is kept, so that a flapping answer does not reset what is known of it. Of
 * one that was never used nothing is known.
 */
const KEEP_MS = 10 * 60_000;

/** RFC 2782: weight 0 has "a very small chance" where others have more: this part of the smallest of them. */
const ZERO_WEIGHT_SHARE = 0.01;

export interface Reconciled {
  /** By tier, the first one first. */
  readonly tiers: readonly (readonly EndpointRecord[])[];
  readonly added: readonly EndpointRecord[];
  readonly removed: readonly EndpointRecord[];
}

/**
 * Brings the records in line with a new answer: endpoints that are known keep their connections, load and health.
 *
 * @param records every known record by key, those that left included; changed in place.
 * @param create makes the record of an endpoint seen for the first time.
 */
export function reconcile(
  records: Map<string, EndpointRecord>,
  specs: readonly ListedEndpoint[],
  verifiedName: (spec: ListedEndpoint) => string,
  create: (key: string, endpoint: Endpoint) => EndpointRecord,
  now: number,
): Reconciled {
  const current = new Map<string, EndpointRecord>();
  const weights = new Map<EndpointRecord, number>();
  const added: EndpointRecord[] = [];
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
    const known = twin ?? records.get(key);
    const endpoint = endpointOf(spec, name);
    const record = known === undefined || isForgotten(known, now) ? create(key, endpoint) : known;
    if (records.get(key) !== record || record.leftAt !== undefined) added.push(record);
    record.leftAt = undefined;
    if (!sameDescription(record.endpoint, endpoint)) record.endpoint = endpoint;
    record.tier = tier;
    records.set(key, record);
    current.set(key, record);
    weights.set(record, weight);
  }
  const removed: EndpointRecord[] = [];
  for (const [key, record] of records) {
    if (current.has(key)) continue;
    if (record.leftAt === undefined) {
      record.leftAt = now;
      removed.push(record);
      if (isUnknown(record, now)) records.delete(key);
      if (record.inFlight === 0) record.closeTransport();
    } else if (isForgotten(record, now)) {
      records.delete(key);
    }
  }
  const tiers = byTier(current.values());
  for (const tier of tiers) setWeights(tier, weights);
  return { tiers, added: added.filter((record) => current.get(record.key) === record), removed };
}

function isUnknown({ transport, breaker, inFlight }: EndpointRecord, now: number): boolean {
  return transport === undefined && inFlight === 0 && (breaker?.state(now) ?? "closed") === "closed";
}

/** A clock that went back by a day keeps no record for a day. */
function isForgotten({ leftAt, inFlight }: EndpointRecord, now: number): boolean {
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

function byTier(records: Iterable<EndpointRecord>): EndpointRecord[][] {
  const tiers = new Map<number, EndpointRecord[]>();
  for (const record of records) {
    const tier = tiers.get(record.tier);
    if (tier === undefined) tiers.set(record.tier, [record]);
    else tier.push(record);
  }
  return [...tiers.entries()].sort(([a], [b]) => a - b).map(([, tier]) => tier);
}

function setWeights(tier: readonly EndpointRecord[], weights: ReadonlyMap<EndpointRecord, number>): void {
  let smallest = Number.POSITIVE_INFINITY;
  for (const record of tier) {
    const weight = weights.get(record) as number;
    if (weight > 0) smallest = Math.min(smallest, weight);
  }
  // All zero: the same for everyone.
  const forZero = smallest === Number.POSITIVE_INFINITY ? 1 : smallest * ZERO_WEIGHT_SHARE;
  for (const record of tier) record.weight = (weights.get(record) as number) || forZero;
}
