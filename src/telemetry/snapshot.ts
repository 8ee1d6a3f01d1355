import type { Answer } from "../discovery/answer-cache.ts";
import { placeOf } from "../endpoint.ts";
import type { BreakerState } from "../endpoints/breaker.ts";
import type { Pool } from "../endpoints/pool.ts";
import type { RetryBudget } from "../resilience/budget.ts";

/** The state of a balanced transport, as plain JSON. */
export interface Snapshot {
  readonly target: string;
  /** The answer in use; absent before the first look-up. */
  readonly answer?: AnswerSnapshot;
  /** Of `fallbackTarget`, if there is one. */
  readonly fallback?: { readonly target: string; readonly answer?: AnswerSnapshot };
  /** The tier that calls go to, and whether health is disregarded; absent without endpoints. */
  readonly serving?: { readonly tier: number; readonly mode: "eligible" | "panic" | "none-eligible" };
  readonly endpoints: readonly EndpointSnapshot[];
  readonly retryBudget: RetryBudgetSnapshot;
}

/** What bounds retries: failed attempts and hedges add 1 to the debt, a success pays 0.1 of it and a second 0.05. */
export interface RetryBudgetSnapshot {
  readonly debt: number;
  /** Retries need a debt below this less 5. It is 10 at rest, and grows with the calls in flight. */
  readonly size: number;
}

export interface AnswerSnapshot {
  readonly ageMs: number;
  readonly ttlMs: number;
  /** Until it is asked again; negative if that is due. */
  readonly freshForMs: number;
  /** Why it has no endpoints. */
  readonly reason?: string;
}

export interface EndpointSnapshot {
  /** "address:port". */
  readonly address: string;
  readonly verifiedName: string;
  readonly name?: string;
  /** It comes from `fallbackTarget`. */
  readonly fallback?: true;
  readonly tier: number;
  readonly weight: number;
  readonly inFlight: number;
  /** Log of how many times slower than average it seems: 0 is average or unknown. */
  readonly load: number;
  readonly breaker: BreakerState;
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
