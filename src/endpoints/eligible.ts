import type { EndpointState } from "./endpoint-state.ts";

/** The endpoints that a pick may choose from, and why. */
export interface EligibleView {
  readonly members: readonly EndpointState[];
  readonly tier: number;
  /** The member that the next call is to try: its trial is due, and costs the call nothing if it fails. */
  readonly trial: EndpointState | undefined;
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
export function eligibleView(tiers: readonly (readonly EndpointState[])[], now: number): EligibleView {
  let changesAt = Number.POSITIVE_INFINITY;
  for (const [index, tier] of tiers.entries()) {
    const eligible: EndpointState[] = [];
    let weight = 0;
    let eligibleWeight = 0;
    for (const state of tier) {
      weight += state.weight;
      const stateChangesAt = state.breaker?.changesAt ?? Number.POSITIVE_INFINITY;
      if (stateChangesAt > now) changesAt = Math.min(changesAt, stateChangesAt);
      if (isEligible(state, now)) {
        eligible.push(state);
        eligibleWeight += state.weight;
      }
    }
    if (eligible.length === 0) continue;
    const last = index === tiers.length - 1;
    if (!last || eligibleWeight >= PANIC_BELOW * weight) {
      return { members: eligible, tier: tierOf(tier), trial: trialOf(eligible, now), mode: "eligible", changesAt };
    }
    // What refused connections stays out: trying it again cannot succeed where bad answers may be the service's own.
    const members = tier.filter((state) => isEligible(state, now) || answeredBadly(state));
    const mode = members.length > eligible.length ? "panic" : "eligible";
    return { members, tier: tierOf(tier), trial: trialOf(members, now), mode, changesAt };
  }
  const first = tiers[0] as readonly EndpointState[];
  return { members: first, tier: tierOf(first), trial: trialOf(first, now), mode: "none-eligible", changesAt };
}

function trialOf(members: readonly EndpointState[], now: number): EndpointState | undefined {
  return members.find((state) => state.breaker?.isCheapToTry && isHalfOpen(state, now));
}

export function isClosed(state: EndpointState, now: number): boolean {
  return (state.breaker?.state(now) ?? "closed") === "closed";
}

function isHalfOpen(state: EndpointState, now: number): boolean {
  return state.breaker?.state(now) === "half-open";
}

/** It may be back: its trial is due, or under way. */
export function isOnTrial(state: EndpointState, now: number): boolean {
  return isHalfOpen(state, now) || state.breaker?.state(now) === "probing";
}

/** It is out although it can be reached. */
export function answeredBadly(state: EndpointState): boolean {
  return state.breaker?.cause === "answered";
}

/** A half-open endpoint belongs to the set until its one probe is under way. */
export function isEligible(state: EndpointState, now: number): boolean {
  return isClosed(state, now) || isHalfOpen(state, now);
}

function tierOf(tier: readonly EndpointState[]): number {
  return (tier[0] as EndpointState).tier;
}
