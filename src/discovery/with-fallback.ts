import type { ListedEndpoint } from "../endpoint.ts";
import { type Clock, OVER } from "../runtime.ts";
import type { Answer } from "./answer-cache.ts";
import { type CachedResolver, NoAnswerError, WAIT_WITH_ANSWER_MS, type WaitLimits } from "./cached-resolver.ts";

/** What calls need of a cached resolver, or of two of them. */
export type AnswerSource = Pick<
  CachedResolver,
  "answer" | "lookUpError" | "peek" | "get" | "hintStale" | "awaitRunning" | "refresh" | "close"
>;

export interface WithFallbackOptions {
  readonly first: CachedResolver;
  /** Of the fallback target. */
  readonly second: CachedResolver;
  /** Whether calls can go to endpoints of this list that are not the fallback's. */
  readonly serves: (endpoints: readonly ListedEndpoint[], now: number) => boolean;
  readonly clock: Clock;
}

/**
 * The endpoints of a target, and after them those of another one. Each has a cached resolver of its own, and so its own ages.
 * The fallback is looked up beside the first calls, so that it is known when it is needed even if DNS fails together
 * with the servers; as long as it is not needed it is asked again only when it is too old to be trusted.
 */
export class WithFallback implements AnswerSource {
  readonly #options: WithFallbackOptions;
  #joined: { readonly first: Answer; readonly second: Answer; readonly answer: Answer } | undefined;

  constructor(options: WithFallbackOptions) {
    this.#options = options;
  }

  get answer(): Answer | undefined {
    const first = this.#options.first.answer;
    const second = this.#options.second.answer;
    if (first === undefined || second === undefined) return first ?? second;
    const last = this.#joined;
    if (last?.first === first && last.second === second) return last.answer;
    const isSame = last?.first.endpoints === first.endpoints && last.second.endpoints === second.endpoints;
    const endpoints = isSame ? last.answer.endpoints : join(first.endpoints, second.endpoints);
    const source = hasEndpoints(first) || !hasEndpoints(second) ? first : second;
    this.#joined = { first, second, answer: { ...source, endpoints } };
    return this.#joined.answer;
  }

  get lookUpError(): unknown {
    return this.#options.first.lookUpError ?? this.#options.second.lookUpError;
  }

  peek(now: number): Answer | undefined {
    const { first, second } = this.#options;
    const primary = first.peek(now);
    if (primary === undefined && first.isAwaited) return undefined;
    if (this.#firstServes(now)) {
      second.refreshIfForgotten(now);
      return this.answer;
    }
    const fallback = second.peek(now);
    if (fallback === undefined && second.isAwaited) return undefined;
    const { answer } = this;
    // With no endpoints anywhere, both must say so now.
    return hasEndpoints(answer) || (primary !== undefined && fallback !== undefined) ? answer : undefined;
  }

  async get(waiting: WaitLimits): Promise<Answer> {
    const { first, second, clock } = this.#options;
    if (this.answer === undefined) await this.#waitOutPause(waiting);
    if (first.peek(clock.now()) === undefined && first.isAwaited) await this.#ask([first], waiting, true);
    if (!this.#firstServes(clock.now())) {
      // With endpoints of its own to try, a call waits for the fallback as it would for a refresh.
      if (hasEndpoints(first.answer)) await this.#ask([second], waiting, true);
      else await this.#ask([second, first], waiting, false);
    }
    second.refreshIfForgotten(clock.now());
    const { answer } = this;
    if (answer === undefined) {
      const isPending = first.isLookingUp || second.isLookingUp;
      throw new NoAnswerError(`${first.whyNoAnswer}; ${second.whyNoAnswer}`, isPending);
    }
    return answer;
  }

  hintStale(now: number, triedAt: number, succeededAt: number): void {
    this.#options.first.hintStale(now, triedAt, succeededAt);
    if (!this.#firstServes(now)) this.#options.second.hintStale(now, triedAt, succeededAt);
  }

  async awaitRunning(waiting: WaitLimits): Promise<boolean> {
    const waited = await Promise.all([
      this.#options.first.awaitRunning(waiting),
      this.#options.second.awaitRunning(waiting),
    ]);
    return waited.includes(true);
  }

  async refresh(signal: AbortSignal | undefined): Promise<void> {
    const { first, second } = this.#options;
    const results = await Promise.allSettled([first.refresh(signal), second.refresh(signal)]);
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }

  close(): void {
    this.#options.first.close();
    this.#options.second.close();
  }

  #firstServes(now: number): boolean {
    if (!hasEndpoints(this.#options.first.answer)) return false;
    return this.#options.serves((this.answer as Answer).endpoints, now);
  }

  /** Waits until a look-up of one of them may be made. */
  async #waitOutPause({ signal, deadline }: WaitLimits): Promise<void> {
    const { first, second } = this.#options;
    const over = new AbortController();
    const either = signal === undefined ? over.signal : AbortSignal.any([signal, over.signal]);
    try {
      await Promise.race([first, second].map((resolver) => resolver.waitOutPause({ signal: either, deadline })));
    } finally {
      // Whoever still waits would hold the process.
      over.abort(OVER);
    }
  }

  /**
   * Waits until one of them has endpoints, or none will. Rejects only when the signal aborts.
   *
   * @param briefly no longer than for a refresh: there is something else to go on with.
   */
  async #ask(resolvers: readonly CachedResolver[], { signal, deadline }: WaitLimits, briefly: boolean): Promise<void> {
    const now = this.#options.clock.now();
    const soon = now + Math.min(WAIT_WITH_ANSWER_MS, (deadline - now) / 2);
    const found = new AbortController();
    const either = signal === undefined ? found.signal : AbortSignal.any([signal, found.signal]);
    const answers = resolvers.map(async (resolver) => {
      // One with endpoints has the same limits of its own.
      const limit = briefly && !hasEndpoints(resolver.answer) ? soon : deadline;
      const answer = await resolver.getUnpaused({ signal: either, deadline: limit });
      if (!hasEndpoints(answer)) throw new NoAnswerError("it has no endpoints", false);
    });
    try {
      await Promise.any(answers);
    } catch {
      signal?.throwIfAborted();
    } finally {
      // Whoever still waits would hold the process.
      found.abort(OVER);
    }
  }
}

function hasEndpoints(answer: Answer | undefined): boolean {
  return answer !== undefined && answer.endpoints.length > 0;
}

/** The fallback's tiers come after the last one of the first. */
function join(first: readonly ListedEndpoint[], second: readonly ListedEndpoint[]): readonly ListedEndpoint[] {
  if (second.length === 0) return first;
  const last = first.reduce((highest, { tier = 0 }) => Math.max(highest, tier), Number.NEGATIVE_INFINITY);
  const lowest = second.reduce((least, { tier = 0 }) => Math.min(least, tier), Number.POSITIVE_INFINITY);
  const shift = first.length === 0 ? 0 : last + 1 - lowest;
  return [...first, ...second.map((spec) => ({ ...spec, tier: (spec.tier ?? 0) + shift, fallback: true as const }))];
}
