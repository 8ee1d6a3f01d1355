import { messageOf } from "../quoted.ts";
import { backOffMs } from "../resilience/back-off.ts";
import { isTimeLimit, withTimeLimit } from "../resilience/policies.ts";
import { elapsedMs, isWithin, type Runtime } from "../runtime.ts";
import { type AgeLimits, type Answer, AnswerCache, type Phase } from "./answer.ts";
import { FailureLookUps } from "./failure-look-ups.ts";
import { LOOK_UP_LIMIT_MS, lookUp } from "./look-up.ts";
import type { Resolution, ResolveContext, Resolver } from "./resolver.ts";

/** How long a look-up is waited for, from its start, by calls that have an old answer to fall back on. */
export const WAIT_WITH_ANSWER_MS = 500;
/** Back-off after failed look-ups: gRPC's connection back-off, shorter. */
const BACK_OFF = { firstMs: 1_000, factor: 1.6, longestMs: 30_000 };
/** Up or down. */
const JITTER = 0.2;

/** What a look-up came to, for events. */
export type LookUpFact =
  /** `dropped`: a reason for each record that was left out. */
  | {
      readonly kind: "answered";
      readonly answer: Answer;
      readonly dropped: readonly string[];
      /** Registry servers that were sent a secret in cleartext. */
      readonly cleartextTokens: readonly string[];
    }
  | { readonly kind: "unconfirmed"; readonly reason: string }
  | { readonly kind: "failed"; readonly error: unknown };

/** A look-up that has ended. */
export interface EndedLookUp {
  readonly reason: ResolveContext["reason"];
  readonly durationMs: number;
  /** Those that the resolver said it asked. */
  readonly servers: readonly string[];
}

/** What a directory notifies; nothing of it may throw. */
export interface DirectoryListener {
  /** A look-up has ended. */
  onLookUp(fact: LookUpFact, ended: EndedLookUp): void;
  /** Another answer is in use, or more of one. */
  onAnswer(): void;
}

export interface Waiting {
  readonly signal: AbortSignal | undefined;
  /** When the waiting call must be over. */
  readonly deadline: number;
}

/** A look-up failed and nothing older can be used. The call that asked fails with it. */
export class NoAnswerError extends Error {
  override readonly name = "NoAnswerError";
  /** The look-up has not ended: the call's time has. */
  readonly isPending: boolean;

  constructor(message: string, isPending: boolean, cause?: unknown) {
    super(message, { cause });
    this.isPending = isPending;
  }
}

/**
 * The endpoints of one target: asks the resolver when an answer's age says so, one look-up at a time, and goes on with
 * an old answer where a new one is not to be had. It has no timer between look-ups; every age is compared in a call.
 */
export class Directory {
  readonly #resolver: Resolver;
  readonly #runtime: Runtime;
  readonly #cache: AnswerCache;
  readonly #maxStaleMs: number;
  readonly #listener: DirectoryListener;
  readonly #closed = new AbortController();
  #running: Promise<void> | undefined;
  /** When the last look-up was started. */
  #askedAt = Number.NEGATIVE_INFINITY;
  readonly #forFailures = new FailureLookUps();
  /** No look-up before this long after `since`: after a failure, or an empty answer that is not believed yet. */
  #pause: { readonly since: number; readonly forMs: number } | undefined;
  #generation = 0;
  #failures = 0;
  #lastError: unknown;

  constructor(resolver: Resolver, limits: AgeLimits, runtime: Runtime, listener: DirectoryListener) {
    this.#resolver = resolver;
    this.#runtime = runtime;
    this.#cache = new AnswerCache(limits, runtime.random);
    this.#maxStaleMs = limits.maxStaleMs;
    this.#listener = listener;
  }

  /** The answer, if a call can go on with it without waiting. Starts the look-up that is due. */
  current(now: number): Answer | undefined {
    const phase = this.#cache.phase(now);
    if (phase === "fresh") return this.#cache.answer;
    const waits = this.#refreshIfDue(phase, now) && this.#patience(phase, now) > 0;
    return phase === "stale" || (phase !== "none" && !waits) ? this.#cache.answer : undefined;
  }

  /**
   * The answer, after waiting for a look-up as long as the answer's age makes that worth while.
   * @throws NoAnswerError where nothing can be used; the signal's reason if it aborts.
   */
  async wait({ signal, deadline }: Waiting): Promise<Answer> {
    const now = this.#runtime.clock.now();
    const phase = this.#cache.phase(now);
    this.#refreshIfDue(phase, now);
    // Whoever has an answer keeps the time to use it.
    const left = phase === "none" ? deadline - now : (deadline - now) / 2;
    await this.#await(Math.min(this.#patience(phase, now), left), signal);
    const { answer } = this.#cache;
    if (answer === undefined) throw new NoAnswerError(this.whyNoAnswer, this.isLookingUp, this.#lastError);
    return answer;
  }

  /**
   * A connection failed: the answer may be out of date.
   *
   * @param triedAt when the endpoint was chosen; an answer that came later is not what failed.
   * @param succeededAt when the last attempt that succeeded began.
   */
  suspect(now: number, triedAt: number, succeededAt: number): void {
    if (this.#cache.answer !== undefined && this.#cache.answer.resolvedAt >= triedAt) return;
    if (!this.#forFailures.mayAsk(now, this.#askedAt, succeededAt) || this.#isPaused(now)) return;
    if (this.#lookUp("connect-failure", now)) this.#forFailures.asked();
  }

  /**
   * Looks up what is not known yet, or has become too old to be trusted: for a target that nobody needs now, but that
   * must be known when it is needed.
   */
  keep(now: number): void {
    const { answer } = this.#cache;
    const age = answer === undefined ? Number.POSITIVE_INFINITY : Math.abs(now - answer.resolvedAt);
    if (age > this.#maxStaleMs) this.#refreshIfDue(this.#cache.phase(now), now);
  }

  /**
   * Whether the look-up under way is worth waiting for even if somebody else could serve the call: it is the first one,
   * or makes endpoints that are known younger. Not after one that failed or found nothing.
   */
  get isAwaited(): boolean {
    const { answer } = this.#cache;
    if (this.#running === undefined) return false;
    return answer === undefined ? this.#lastError === undefined : answer.endpoints.length > 0;
  }

  /** Waits for the look-up under way, if there is one, as long as a call with an answer would. True if it waited. */
  async settle({ signal, deadline }: Waiting): Promise<boolean> {
    if (this.#running === undefined) return false;
    await this.#await(Math.min(WAIT_WITH_ANSWER_MS, (deadline - this.#runtime.clock.now()) / 2), signal);
    return true;
  }

  /** Looks up now, whatever the age of the answer, and waits for the result. */
  async refresh(signal: AbortSignal | undefined): Promise<void> {
    this.#lookUp("forced", this.#runtime.clock.now());
    await this.#await(Number.POSITIVE_INFINITY, signal);
    if (this.#lastError !== undefined) throw this.#lastError;
  }

  get answer(): Answer | undefined {
    return this.#cache.answer;
  }

  close(): void {
    this.#closed.abort(new Error("the transport was closed"));
  }

  /** True if a look-up is under way afterwards. */
  #refreshIfDue(phase: Phase, now: number): boolean {
    if (phase !== "fresh" && !this.#isPaused(now)) this.#lookUp(phase === "none" ? "first" : "expired", now);
    return this.#running !== undefined;
  }

  /** How long a call waits for the look-up under way. With an answer, one that is slow is waited for by nobody else. */
  #patience(phase: Phase, now: number): number {
    if (phase === "none" || phase === "ancient") return Number.POSITIVE_INFINITY;
    const age = this.#running === undefined ? 0 : now - this.#askedAt;
    return age < 0 ? WAIT_WITH_ANSWER_MS : Math.max(0, WAIT_WITH_ANSWER_MS - age);
  }

  #isPaused(now: number): boolean {
    if (this.#pause === undefined) return false;
    return isWithin(this.#pause.forMs, this.#pause.since, now);
  }

  /** False if one is under way already. */
  #lookUp(reason: ResolveContext["reason"], now: number): boolean {
    if (this.#running !== undefined) {
      // One that was frozen with the process may never end; its limit is counted on our clock.
      if (isWithin(2 * LOOK_UP_LIMIT_MS, this.#askedAt, now)) return false;
    }
    const generation = ++this.#generation;
    this.#askedAt = now;
    this.#running = this.#resolve(reason, generation);
    return true;
  }

  /** Never rejects. What an overtaken look-up finds is dropped. */
  async #resolve(reason: ResolveContext["reason"], generation: number): Promise<void> {
    const { clock } = this.#runtime;
    const startedAt = clock.now();
    const servers = new Set<string>();
    let fact: LookUpFact;
    try {
      const resolution = await lookUp(this.#resolver, reason, this.#runtime, this.#closed.signal, servers);
      if (generation !== this.#generation) return;
      const now = clock.now();
      const known = this.#cache.answer?.endpoints;
      const { suspectMs } = this.#cache.apply(resolution, now);
      this.#forFailures.answered(this.#cache.answer?.endpoints !== known, reason === "connect-failure", now);
      this.#failures = 0;
      this.#lastError = undefined;
      this.#pause = suspectMs === undefined ? undefined : { since: now, forMs: suspectMs };
      fact =
        resolution.kind !== "endpoints" && suspectMs !== undefined
          ? { kind: "unconfirmed", reason: resolution.reason }
          : { kind: "answered", answer: this.#cache.answer as Answer, ...noticesOf(resolution) };
      if (resolution.kind === "endpoints" && resolution.rest) void this.#join(resolution.rest, generation, now);
    } catch (error) {
      if (generation !== this.#generation) return;
      this.#lastError = error;
      this.#pause = { since: clock.now(), forMs: this.#backOffMs() };
      fact = { kind: "failed", error };
    }
    this.#running = undefined;
    this.#listener.onLookUp(fact, { reason, durationMs: elapsedMs(startedAt, clock.now()), servers: [...servers] });
    if (fact.kind === "answered") this.#listener.onAnswer();
  }

  /** Takes over what an answer lacked at first. Its age is that of the answer. Never rejects. */
  async #join(rest: Promise<Resolution>, generation: number, resolvedAt: number): Promise<void> {
    const whole = await rest.catch(() => undefined);
    if (whole === undefined || generation !== this.#generation) return;
    this.#cache.apply(whole, resolvedAt);
    this.#listener.onAnswer();
  }

  #backOffMs(): number {
    return backOffMs(BACK_OFF, this.#failures++) * (1 + JITTER * (2 * this.#runtime.random() - 1));
  }

  /** Waits for the running look-up, up to `ms`; rejects only when the signal aborts. */
  async #await(ms: number, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    const running = this.#running;
    if (running === undefined || ms <= 0) return;
    try {
      await withTimeLimit(Math.min(ms, 2 * LOOK_UP_LIMIT_MS), running, signal);
    } catch (error) {
      signal?.throwIfAborted();
      if (!isTimeLimit(error)) throw error;
    }
  }

  get isLookingUp(): boolean {
    return this.#running !== undefined;
  }

  get whyNoAnswer(): string {
    const { target } = this.#resolver;
    if (this.isLookingUp) return `${target}: the look-up has not answered yet`;
    const message = this.#lastError === undefined ? "" : messageOf(this.#lastError);
    return `${target}: ${message === "" ? "the look-up failed" : message}`;
  }
}

function noticesOf(resolution: Resolution) {
  return {
    dropped: (resolution.kind === "endpoints" && resolution.dropped) || [],
    cleartextTokens: (resolution.kind !== "unavailable" && resolution.cleartextTokens) || [],
  };
}
