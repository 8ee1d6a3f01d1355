import type { Answer } from "../discovery/answer-cache.ts";
import { placeOf } from "../endpoint.ts";
import type { BreakerState } from "../endpoints/breaker.ts";
import type { Pool } from "../endpoints/pool.ts";
import type { RetryBudget } from "../resilience/budget.ts";

/** The state of a balanced transport, as plain JSON. */
export interface Snapshot {
  /** The transport's target, as it was written. */
  readonly target: string;
  /** The answer in use; absent before the first look-up. */
  readonly answer?: AnswerSnapshot;
  /** Of `fallbackTarget`, if there is one. */
  readonly fallback?: {
    /** As it was written. */
    readonly target: string;
    /** Its last answer; absent before the first look-up. */
    readonly answer?: AnswerSnapshot;
  };
  /** The tier that calls go to, and whether health is disregarded; absent without endpoints. */
  readonly serving?: {
    /** From 0, the first that is used. */
    readonly tier: number;
    /**
     * "eligible": to the endpoints that are not ejected; "panic": also to those that are out for their answers, because
     * too few are left; "none-eligible": all are ejected, and all are tried.
     */
    readonly mode: "eligible" | "panic" | "none-eligible";
  };
  /** Those of the answer in use, ejected ones included, by tier. */
  readonly endpoints: readonly EndpointSnapshot[];
  /** How much of it is spent. */
  readonly retryBudget: RetryBudgetSnapshot;
}

/** What bounds retries: failed attempts and hedges add 1 to the debt, a success pays 0.1 of it and a second 0.05. */
export interface RetryBudgetSnapshot {
  /** What is spent now: from 0 to `size`. */
  readonly debt: number;
  /** Retries need a debt below this less 5. It is 10 at rest, and grows with the calls in flight. */
  readonly size: number;
}

/** How old an answer is, and how long it is used. */
export interface AnswerSnapshot {
  /** Milliseconds since it came; negative where the clock went back. */
  readonly ageMs: number;
  /** Its time to live in milliseconds, within `dns.minTtlMs` and `dns.maxTtlMs`. */
  readonly ttlMs: number;
  /** Milliseconds until it is asked again; negative if that is due. */
  readonly freshForMs: number;
  /** Why it has no endpoints. */
  readonly reason?: string;
}

/** One endpoint: where it is, its share and its health. */
export interface EndpointSnapshot {
  /** "address:port". */
  readonly address: string;
  /** The name that TLS verifies. */
  readonly verifiedName: string;
  /** The server's own host name, where the source gives one. */
  readonly name?: string;
  /** It comes from `fallbackTarget`. */
  readonly fallback?: true;
  /** From 0, the first that is used. */
  readonly tier: number;
  /** Its share of the traffic within the tier, relative to the others. */
  readonly weight: number;
  /** Calls under way, streams until their end. */
  readonly inFlight: number;
  /** Natural log of how many times slower than average it seems: 0 is average or unknown. */
  readonly load: number;
  /** Whether it gets calls; "closed" where `breaker` is `false`. */
  readonly breaker: BreakerState;
  /** What the source knows besides: Consul tags and meta, a zone. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** A target and the answer in use. */
interface AnsweredTarget {
  readonly target: string;
  readonly answer: Answer | undefined;
}

export function takeSnapshot(
  first: AnsweredTarget,
  fallback: AnsweredTarget | undefined,
  pool: Pool,
  budget: RetryBudget,
  now: number,
): Snapshot {
  const endpoints = pool.tiers.flat();
  const view = endpoints.length === 0 ? undefined : pool.view(now);
  return {
    ...aged(first, now),
    ...(fallback === undefined ? {} : { fallback: aged(fallback, now) }),
    ...(view === undefined ? {} : { serving: { tier: view.tier, mode: view.mode } }),
    endpoints: endpoints.map((state) => ({
      address: placeOf(state.endpoint),
      verifiedName: state.endpoint.verifiedName,
      ...(state.endpoint.name === undefined ? {} : { name: state.endpoint.name }),
      ...(state.endpoint.fallback ? { fallback: state.endpoint.fallback } : {}),
      tier: state.tier,
      weight: state.weight,
      inFlight: state.inFlight,
      load: state.load(now),
      breaker: state.breaker?.state(now) ?? "closed",
      metadata: state.endpoint.metadata,
    })),
    retryBudget: { debt: budget.debt(now), size: budget.size(now) },
  };
}

function aged({ target, answer }: AnsweredTarget, now: number) {
  return { target, ...(answer === undefined ? {} : { answer: ageOf(answer, now) }) };
}

function ageOf({ resolvedAt, ttlMs, freshMs, reason }: Answer, now: number): AnswerSnapshot {
  const ageMs = now - resolvedAt;
  return { ageMs, ttlMs, freshForMs: freshMs - ageMs, ...(reason === undefined ? {} : { reason }) };
}
