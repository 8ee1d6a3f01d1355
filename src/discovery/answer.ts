import type { EndpointSpec } from "../endpoint.ts";
import type { Runtime } from "../runtime.ts";
import type { Resolution } from "./resolver.ts";
import { Samples } from "./samples.ts";

export interface AgeLimits {
  readonly minTtlMs: number;
  readonly maxTtlMs: number;
  readonly maxStaleMs: number;
}

/** What the directory knows of the target. `endpoints` is empty where the service has none; `reason` then says why. */
export interface Answer {
  readonly endpoints: readonly EndpointSpec[];
  readonly reason?: string;
  readonly resolvedAt: number;
  /** Clamped. */
  readonly ttlMs: number;
  /** The answer counts as fresh for this long: a random part of the TTL, so that processes do not ask in step. */
  readonly freshMs: number;
}

/**
 * How far an answer may be trusted. "stale": used while one look-up runs beside. "expired": a look-up is waited for,
 * briefly. "ancient": a look-up is waited for as long as the call can.
 */
export type Phase = "none" | "fresh" | "stale" | "expired" | "ancient";

/** A negative answer is held for its own TTL within these bounds (RFC 2308; 1 s keeps a burst of calls to one look-up). */
const NEGATIVE_TTL = { minMs: 1_000, maxMs: 5_000 };
/** An empty answer after a good one takes effect after this many of them, over at least this long. */
const CONFIRM = { answers: 3, overMs: 30_000 };

/** The last answer, how old it is, and what later answers do to it. A function of what it was told and of `now`. */
export class AnswerCache {
  readonly #limits: AgeLimits;
  readonly #random: Runtime["random"];
  #answer: Answer | undefined;
  /** Empty answers in a row that are not confirmed yet. */
  #suspect: { count: number; since: number } | undefined;
  /** What is known of a source that shows a part at a time; undefined while its answers are whole. */
  #samples: Samples | undefined;

  constructor(limits: AgeLimits, random: Runtime["random"]) {
    this.#limits = limits;
    this.#random = random;
  }

  get answer(): Answer | undefined {
    return this.#answer;
  }

  phase(now: number): Phase {
    const answer = this.#answer;
    if (answer === undefined) return "none";
    const age = now - answer.resolvedAt;
    // The clock went back: how old it is cannot be known, so it is asked again, and used meanwhile.
    if (age < 0) return "stale";
    if (age <= answer.freshMs) return "fresh";
    // There is nothing to use: only a new look-up helps.
    if (answer.endpoints.length === 0) return "none";
    if (age <= 2 * answer.ttlMs) return "stale";
    return age <= this.#limits.maxStaleMs ? "expired" : "ancient";
  }

  /**
   * Takes over what a look-up found. Returns the time until the next look-up where that is not the answer's own age:
   * after an empty answer that is not believed yet.
   */
  apply(resolution: Resolution, now: number): { readonly suspectMs?: number } {
    const { ttlMs: ownTtlMs = 0 } = resolution;
    if (resolution.kind === "endpoints") {
      this.#suspect = undefined;
      const ttlMs = clamp(ownTtlMs, this.#limits.minTtlMs, this.#limits.maxTtlMs);
      this.#samples = resolution.partial ? (this.#samples ?? new Samples()) : undefined;
      // Caches know nothing of our limits: they repeat a sample for as long as its own TTL.
      const listed = this.#samples?.merge(resolution.endpoints, ownTtlMs, now) ?? resolution.endpoints;
      const endpoints = sameEndpoints(this.#answer?.endpoints, listed);
      this.#answer = { endpoints, resolvedAt: now, ttlMs, freshMs: ttlMs * (0.8 + 0.2 * this.#random()) };
      return {};
    }
    const ttlMs = clamp(ownTtlMs, NEGATIVE_TTL.minMs, NEGATIVE_TTL.maxMs);
    if (resolution.kind === "empty" && this.#answer !== undefined && this.#answer.endpoints.length > 0) {
      // One empty answer may be a restarted registry or a deployment's gap; the servers of the last one still answer.
      this.#suspect ??= { count: 0, since: now };
      this.#suspect.count++;
      const confirmed = this.#suspect.count >= CONFIRM.answers && now - this.#suspect.since >= CONFIRM.overMs;
      if (!confirmed) return { suspectMs: ttlMs };
    }
    this.#suspect = undefined;
    this.#samples = undefined;
    this.#answer = { endpoints: [], reason: resolution.reason, resolvedAt: now, ttlMs, freshMs: ttlMs };
    return {};
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
