import type { EndpointRecord } from "./endpoint-state.ts";

/** The endpoints that a pick may choose from, and why. */
export interface EligibleView {
  readonly members: readonly EndpointRecord[];
  readonly tier: number;
  /** The member that the next call is to try: its trial is due, and costs the call nothing if it fails. */
  readonly trial: EndpointRecord | undefined;
  /**
   * "panic": less than half of the last tier's weight is eligible, so what was ejected for bad answers serves again.
   * "none-eligible": nothing is, so everything in the first tier is tried. Never fail locally what could be tried.
   */
  readonly mode: "eligible" | "panic" | "none-eligible";
  /** When the clock alone changes the view. */
  readonly changesAt: number;
}

/** Below this share of eligible weight the last tier panics (Envoy's healthy panic threshold). */
const PANIC_BELOW = 0.5;

/**
 * What may be picked now: strictly the first tier with an eligible endpoint (RFC 2782: the next priority only if the
 * one before cannot be reached).
 *
 * @param tiers endpoints by tier, the first one first; at least one, none of them empty.
 */
export function eligibleView(tiers: readonly (readonly EndpointRecord[])[], now: number): EligibleView {
  let changesAt = Number.POSITIVE_INFINITY;
  for (const [index, tier] of tiers.entries()) {
    const eligible: EndpointRecord[] = [];
    let weight = 0;
    let eligibleWeight = 0;
    for (const record of tier) {
      weight += record.weight;
      const recordChangesAt = record.breaker?.changesAt ?? Number.POSITIVE_INFINITY;
      if (recordChangesAt > now) changesAt = Math.min(changesAt, recordChangesAt);
      if (isEligible(record, now)) {
        eligible.push(record);
        eligibleWeight += record.weight;
      }
    }
    if (eligible.length === 0) continue;
    const last = index === tiers.length - 1;
    if (!last || eligibleWeight >= PANIC_BELOW * weight) {
      return { members: eligible, tier: tierOf(tier), trial: trialOf(eligible, now), mode: "eligible", changesAt };
    }
    // What refused connections stays out: trying it again cannot succeed where bad answers may be the service's own.
    const members = tier.filter((record) => isEligible(record, now) || answeredBadly(record));
    const mode = members.length > eligible.length ? "panic" : "eligible";
    return { members, tier: tierOf(tier), trial: trialOf(members, now), mode, changesAt };
  }
  const first = tiers[0] as readonly EndpointRecord[];
  return { members: first, tier: tierOf(first), trial: trialOf(first, now), mode: "none-eligible", changesAt };
}

function trialOf(members: readonly EndpointRecord[], now: number): EndpointRecord | undefined {
  return members.find((record) => record.breaker?.isCheapToTry && isHalfOpen(record, now));
}

export function isClosed(record: EndpointRecord, now: number): boolean {
  return (record.breaker?.state(now) ?? "closed") === "closed";
}

function isHalfOpen(record: EndpointRecord, now: number): boolean {
  return record.breaker?.state(now) === "half-open";
}

/** It may be back: its trial is due, or under way. */
export function isOnTrial(record: EndpointRecord, now: number): boolean {
  return isHalfOpen(record, now) || record.breaker?.state(now) === "probing";
}

/** It is out although it can be reached. */
export function answeredBadly(record: EndpointRecord): boolean {
  return record.breaker?.cause === "answered";
}

/** A half-open endpoint belongs to the set until its one probe is under way. */
export function isEligible(record: EndpointRecord, now: number): boolean {
  return isClosed(record, now) || isHalfOpen(record, now);
}

function tierOf(tier: readonly EndpointRecord[]): number {
  return (tier[0] as EndpointRecord).tier;
}
