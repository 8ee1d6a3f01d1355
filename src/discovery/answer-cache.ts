import type { EndpointSpec } from "../endpoint.ts";
import { backOffMs } from "../resilience/back-off.ts";
import { isWithin, type Runtime } from "../runtime.ts";
import type { LookUpResult } from "./look-up.ts";
import { PartialAnswers } from "./partial-answers.ts";
import type { Resolution } from "./resolver.ts";

export interface AnswerAgeLimits {
  readonly minTtlMs: number;
  readonly maxTtlMs: number;
  readonly maxStaleMs: number;
}

/** What is known of the target. `endpoints` is empty where the service has none; `reason` then says why. */
export interface Answer {
  readonly endpoints: readonly EndpointSpec[];
  readonly reason?: string;
  readonly resolvedAt: number;
  /** Clamped. */
  readonly ttlMs: number;
  /** The answer counts as fresh for this long: a random part of the TTL, so that processes do not ask in step. */
  readonly freshMs: number;
}

interface AnsweredFact {
  readonly kind: "answered";
  readonly answer: Answer;
  /** A reason for each record that was left out. */
  readonly dropped: readonly string[];
  /** Registry servers that were sent a secret in cleartext. */
  readonly cleartextTokens: readonly string[];
}

/** An empty answer that is not believed yet, and is asked for again after `forMs` at the earliest. */
interface UnconfirmedFact {
  readonly kind: "unconfirmed";
  readonly reason: string;
  readonly forMs: number;
}

/** What a look-up did to what is known. */
export type LookUpFact =
  | AnsweredFact
  | UnconfirmedFact
  /** `stale`: there is an older answer to go on with. */
  | { readonly kind: "failed"; readonly error: unknown; readonly stale: boolean };

/** A negative answer is held for its own TTL within these bounds (RFC 2308; 1 s keeps a burst of calls to one look-up). */
const NEGATIVE_TTL = { minMs: 1_000, maxMs: 5_000 };
/** An empty answer after a good one takes effect after this many of them, over at least this long. */
const CONFIRM = { answers: 3, overMs: 30_000 };
/** Back-off after failed look-ups: gRPC's connection back-off, shorter. */
const BACK_OFF = { firstMs: 1_000, factor: 1.6, longestMs: 30_000 };
/** Up or down. */
const JITTER = 0.2;

/** The answer in use, and what later look-ups do to it. A function of what they found and of `now`. */
export class AnswerCache {
  /** Set here alone. */
  answer: Answer | undefined;
  /** Why the last look-up failed, if it did. Set here alone. */
  lookUpError: unknown;
  readonly #limits: AnswerAgeLimits;
  readonly #random: Runtime["random"];
  /** Empty answers in a row that are not confirmed yet. */
  #suspect: { count: number; since: number } | undefined;
  /** What is known of a source that shows a part at a time; undefined while its answers are whole. */
  #samples: PartialAnswers | undefined;
  /** No look-up before this long after `since`: after a failure, or an empty answer that is not believed yet. */
  #pause: { readonly since: number; readonly forMs: number } | undefined;
  /** Failed look-ups in a row. */
  #failures = 0;

  constructor(limits: AnswerAgeLimits, random: Runtime["random"]) {
    this.#limits = limits;
    this.#random = random;
  }

  /** Takes over what a look-up came to. */
  takeOver(result: LookUpResult, now: number): LookUpFact {
    if (result.kind === "failed") return this.#fail(result.error, result.failedAt);
    try {
      const fact = this.#apply(result, now);
      this.#pause = fact.kind === "unconfirmed" ? { since: now, forMs: fact.forMs } : undefined;
      this.#failures = 0;
      this.lookUpError = undefined;
      return fact;
    } catch (error) {
      // The metadata of a user's resolver may throw when it is read.
      return this.#fail(error, now);
    }
  }

  /** Takes over what the answer in use lacked at first. Its age stays. */
  complete(whole: Resolution): void {
    if (this.answer !== undefined) this.#apply(whole, this.answer.resolvedAt);
  }

  isPaused(now: number): boolean {
    return this.pauseLeftMs(now) > 0;
  }

  /** How long no look-up is made; 0 where one may be made. */
  pauseLeftMs(now: number): number {
    if (this.#pause === undefined) return 0;
    const { since, forMs } = this.#pause;
    return isWithin(forMs, since, now) ? since + forMs - now : 0;
  }

  #apply(resolution: Resolution, now: number): AnsweredFact | UnconfirmedFact {
    const { ttlMs: ownTtlMs = 0 } = resolution;
    if (resolution.kind === "endpoints") {
      const ttlMs = clamp(ownTtlMs, this.#limits.minTtlMs, this.#limits.maxTtlMs);
      this.#samples = resolution.partial ? (this.#samples ?? new PartialAnswers()) : undefined;
      // Caches know nothing of our limits: they repeat a sample for as long as its own TTL.
      const listed = this.#samples?.merge(resolution.endpoints, ownTtlMs, now) ?? resolution.endpoints;
      const endpoints = sameEndpoints(this.answer?.endpoints, listed);
      const freshMs = ttlMs * (0.8 + 0.2 * this.#random());
      return this.#use({ endpoints, resolvedAt: now, ttlMs, freshMs }, resolution);
    }
    const { reason } = resolution;
    const ttlMs = clamp(ownTtlMs, NEGATIVE_TTL.minMs, NEGATIVE_TTL.maxMs);
    if (resolution.kind === "empty" && this.answer !== undefined && this.answer.endpoints.length > 0) {
      // One empty answer may be a restarted registry or a deployment's gap; the servers of the last one still answer.
      this.#suspect ??= { count: 0, since: now };
      this.#suspect.count++;
      const confirmed = this.#suspect.count >= CONFIRM.answers && now - this.#suspect.since >= CONFIRM.overMs;
      if (!confirmed) return { kind: "unconfirmed", reason, forMs: ttlMs };
    }
    this.#samples = undefined;
    return this.#use({ endpoints: [], reason, resolvedAt: now, ttlMs, freshMs: ttlMs }, resolution);
  }

  #use(answer: Answer, resolution: Resolution): AnsweredFact {
    this.answer = answer;
    this.#suspect = undefined;
    const dropped = (resolution.kind === "endpoints" && resolution.dropped) || [];
    const cleartextTokens = (resolution.kind !== "unavailable" && resolution.cleartextTokens) || [];
    return { kind: "answered", answer, dropped, cleartextTokens };
  }

  #fail(error: unknown, failedAt: number): LookUpFact {
    const jitter = 1 + JITTER * (2 * this.#random() - 1);
    this.#pause = { since: failedAt, forMs: backOffMs(BACK_OFF, this.#failures++) * jitter };
    this.lookUpError = error;
    return { kind: "failed", error, stale: this.answer !== undefined };
  }
}

/** The old list if the new one says the same, so that nothing is rebuilt for it. Order does not matter. */
function sameEndpoints(
  old: readonly EndpointSpec[] | undefined,
  fresh: readonly EndpointSpec[],
): readonly EndpointSpec[] {
  if (old === undefined || old.length !== fresh.length) return fresh;
  const known = new Map<string, number>();
  for (const spec of old) known.set(fingerprint(spec), (known.get(fingerprint(spec)) ?? 0) + 1);
  for (const spec of fresh) {
    const left = known.get(fingerprint(spec)) ?? 0;
    if (left === 0) return fresh;
    known.set(fingerprint(spec), left - 1);
  }
  return old;
}

function fingerprint(spec: EndpointSpec): string {
  const metadata = spec.metadata === undefined ? "" : JSON.stringify(Object.entries(spec.metadata).sort());
  return `${spec.address} ${spec.alternateAddress ?? ""} ${spec.port} ${spec.name ?? ""} ${spec.weight ?? 1} ${spec.tier ?? 0} ${metadata}`;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
