// discovery/ says how long an answer may be used, whatever it comes from: one look-up at a time, ages compared in a
// call, stale before nothing, empty answers confirmed, a fallback target behind the first. It must not know DNS,
// Consul or any other source: schemes/ has those, behind `Resolver`.

import { messageOf } from "../common/quoted.ts";
import type { Runtime } from "../runtime.ts";
import { type Answer, type AnswerAgeLimits, AnswerCache, type LookUpFact } from "./answer-cache.ts";
import { FailureLookUps } from "./failure-look-ups.ts";
import { type EndedLookUp, LOOK_UP_LIMIT_MS, type LookUpResult, LookUps } from "./look-up.ts";
import type { Resolver } from "./resolver.ts";

/** How long a look-up is waited for, from its start, by calls that have an old answer to fall back on. */
export const WAIT_WITH_ANSWER_MS = 500;

/** What a cached resolver notifies; nothing of it may throw. */
export interface CachedResolverListener {
  /** A look-up has ended. */
  readonly onLookUp?: ((fact: LookUpFact, ended: EndedLookUp) => void) | undefined;
  /** Another answer is in use, or more of one. */
  onAnswer(): void;
}

export interface WaitLimits {
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
 * How far an answer may be trusted. "stale": used while one look-up runs beside. "expired": a look-up is waited for,
 * briefly. "ancient": a look-up is waited for as long as the call can.
 */
type Phase = "none" | "fresh" | "stale" | "expired" | "ancient";

/**
 * The endpoints of one target: asks the resolver when an answer's age says so, and goes on with an old answer where a
 * new one is not to be had. It has no timer between look-ups; every age is compared in a call.
 */
export class CachedResolver {
  readonly target: string;
  readonly #runtime: Runtime;
  readonly #lookUps: LookUps;
  readonly #cache: AnswerCache;
  readonly #maxStaleMs: number;
  readonly #listener: CachedResolverListener;
  /** Made with the first connection that fails. */
  #forFailures: FailureLookUps | undefined;

  constructor(resolver: Resolver, limits: AnswerAgeLimits, runtime: Runtime, listener: CachedResolverListener) {
    this.target = resolver.target;
    this.#runtime = runtime;
    this.#lookUps = new LookUps(resolver, runtime, {
      onEnd: (result, ended) => this.#takeOver(result, ended),
      onRest: (whole) => {
        this.#cache.complete(whole);
        listener.onAnswer();
      },
    });
    this.#cache = new AnswerCache(limits, runtime.random);
    this.#maxStaleMs = limits.maxStaleMs;
    this.#listener = listener;
  }

  /** The answer, if a call can go on with it without waiting. Starts the look-up that is due. */
  peek(now: number): Answer | undefined {
    const { answer } = this.#cache;
    const phase = this.#phase(answer, now);
    if (phase === "fresh") return answer;
    const waits = this.#refreshIfDue(phase, now) && this.#patience(phase, now) > 0;
    return phase === "stale" || (phase !== "none" && !waits) ? answer : undefined;
  }

  /**
   * The answer, after waiting for a look-up as long as the answer's age makes that worth while.
   * @throws NoAnswerError where nothing can be used; the signal's reason if it aborts.
   */
  async get({ signal, deadline }: WaitLimits): Promise<Answer> {
    if (this.answer === undefined) await this.#waitOutPause(signal, deadline);
    const now = this.#runtime.clock.now();
    const phase = this.#phase(this.answer, now);
    this.#refreshIfDue(phase, now);
    // Whoever has an answer keeps the time to use it.
    const left = phase === "none" ? deadline - now : (deadline - now) / 2;
    await this.#lookUps.wait(Math.min(this.#patience(phase, now), left), signal);
    const { answer } = this;
    if (answer === undefined) throw new NoAnswerError(this.whyNoAnswer, this.isLookingUp, this.#cache.lookUpError);
    return answer;
  }

  /**
   * A connection failed: the answer may be out of date.
   *
   * @param triedAt when the endpoint was chosen; an answer that came later is not what failed.
   * @param succeededAt when the last attempt that succeeded began.
   */
  hintStale(now: number, triedAt: number, succeededAt: number): void {
    if (this.answer !== undefined && this.answer.resolvedAt >= triedAt) return;
    this.#forFailures ??= new FailureLookUps();
    if (!this.#forFailures.mayAsk(now, this.#lookUps.startedAt, succeededAt) || this.#cache.isPaused(now)) return;
    if (this.#lookUps.start("connect-failure", now)) this.#forFailures.asked();
  }

  /**
   * Looks up what is not known yet, or has become too old to be trusted: for a target that nobody needs now, but that
   * must be known when it is needed.
   */
  refreshIfForgotten(now: number): void {
    const { answer } = this;
    const age = answer === undefined ? Number.POSITIVE_INFINITY : Math.abs(now - answer.resolvedAt);
    if (age > this.#maxStaleMs) this.#refreshIfDue(this.#phase(answer, now), now);
  }

  /**
   * Whether the look-up under way is worth waiting for even if somebody else could serve the call: it is the first one,
   * or makes endpoints that are known younger. Not after one that failed or found nothing.
   */
  get isAwaited(): boolean {
    if (!this.isLookingUp) return false;
    return this.answer === undefined ? this.#cache.lookUpError === undefined : this.answer.endpoints.length > 0;
  }

  /** Waits for the look-up under way, if there is one, as long as a call with an answer would. True if it waited. */
  async awaitRunning({ signal, deadline }: WaitLimits): Promise<boolean> {
    if (!this.isLookingUp) return false;
    await this.#lookUps.wait(Math.min(WAIT_WITH_ANSWER_MS, (deadline - this.#runtime.clock.now()) / 2), signal);
    return true;
  }

  /** Looks up now, whatever the age of the answer, and waits for the result. */
  async refresh(signal: AbortSignal | undefined): Promise<void> {
    this.#lookUps.start("forced", this.#runtime.clock.now());
    await this.#lookUps.wait(Number.POSITIVE_INFINITY, signal);
    if (this.#cache.lookUpError !== undefined) throw this.#cache.lookUpError;
  }

  get answer(): Answer | undefined {
    return this.#cache.answer;
  }

  get isLookingUp(): boolean {
    return this.#lookUps.isRunning;
  }

  /** Why the last look-up failed, if it did. */
  get lookUpError(): unknown {
    return this.#cache.lookUpError;
  }

  get whyNoAnswer(): string {
    if (this.isLookingUp) return `${this.target}: the look-up has not answered yet`;
    const message = this.#cache.lookUpError === undefined ? "" : messageOf(this.#cache.lookUpError);
    return `${this.target}: ${message === "" ? "the look-up failed" : message}`;
  }

  close(): void {
    this.#lookUps.close();
  }

  #phase(answer: Answer | undefined, now: number): Phase {
    if (answer === undefined) return "none";
    const age = now - answer.resolvedAt;
    // The clock went back: how old it is cannot be known, so it is asked again, and used meanwhile.
    if (age < 0) return "stale";
    if (age <= answer.freshMs) return "fresh";
    // There is nothing to use: only a new look-up helps.
    if (answer.endpoints.length === 0) return "none";
    if (age <= 2 * answer.ttlMs) return "stale";
    return age <= this.#maxStaleMs ? "expired" : "ancient";
  }

  /** True if a look-up is under way afterwards. */
  #refreshIfDue(phase: Phase, now: number): boolean {
    const isDue = phase !== "fresh" && !this.#cache.isPaused(now);
    if (isDue) this.#lookUps.start(phase === "none" ? "first" : "expired", now);
    return this.isLookingUp;
  }

  /**
   * With nothing to go on with, a call waits for the next look-up that may be made, which all who wait then share; not
   * where its time would be over first, nor for longer than it would wait for the look-up itself.
   */
  async #waitOutPause(signal: AbortSignal | undefined, deadline: number): Promise<void> {
    const { clock, sleep } = this.#runtime;
    const calledAt = clock.now();
    const until = calledAt + this.#cache.pauseLeftMs(calledAt);
    if (until >= Math.min(deadline, calledAt + LOOK_UP_LIMIT_MS)) return;
    // A timer may be early by a fraction. A pause that begins later is that of the look-up which the call had waited for.
    for (let now = calledAt; now < until && !this.isLookingUp && this.#cache.isPaused(now); now = clock.now()) {
      await sleep(Math.ceil(until - now), signal);
    }
  }

  /** How long a call waits for the look-up under way. With an answer, one that is slow is waited for by nobody else. */
  #patience(phase: Phase, now: number): number {
    if (phase === "none" || phase === "ancient") return Number.POSITIVE_INFINITY;
    const age = this.isLookingUp ? now - this.#lookUps.startedAt : 0;
    return age < 0 ? WAIT_WITH_ANSWER_MS : Math.max(0, WAIT_WITH_ANSWER_MS - age);
  }

  #takeOver(result: LookUpResult, ended: EndedLookUp): void {
    const now = this.#runtime.clock.now();
    const known = this.answer?.endpoints;
    const fact = this.#cache.takeOver(result, now);
    if (fact.kind !== "failed") {
      this.#forFailures?.answered(this.answer?.endpoints !== known, ended.reason === "connect-failure", now);
    }
    this.#listener.onLookUp?.(fact, ended);
    if (fact.kind === "answered") this.#listener.onAnswer();
  }
}
