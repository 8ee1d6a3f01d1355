import { ConnectError } from "@connectrpc/connect";
import type { Answer } from "../discovery/answer-cache.ts";
import { NoAnswerError, type WaitLimits } from "../discovery/cached-resolver.ts";
import type { AnswerSource } from "../discovery/with-fallback.ts";
import { unusable } from "../endpoints/check-transport.ts";
import type { EndpointState } from "../endpoints/endpoint-state.ts";
import type { CarryingTransport } from "../endpoints/endpoint-transport.ts";
import type { Pool } from "../endpoints/pool.ts";
import { abortedBy, deadlineExceeded, lookUpFailed, noServers } from "../errors.ts";
import type { RetryBudget } from "../resilience/budget.ts";
import { LONGEST_CONNECT_MS } from "../resilience/connect-limit.ts";
import type { Runtime } from "../runtime.ts";
import { Attempt, type AttemptWatcher } from "./attempt.ts";
import type { Call } from "./call.ts";
import { intercepted, UserCode } from "./user-code.ts";
import { connected } from "./wait-for-connection.ts";

export interface EndpointChooserOptions {
  readonly answers: AnswerSource;
  readonly pool: Pool;
  readonly runtime: Runtime;
  /** Builds the transport of an endpoint on its first use. */
  readonly open: (endpointState: EndpointState) => CarryingTransport;
  readonly budget: RetryBudget;
  readonly watcher: AttemptWatcher;
  /** Interceptors stand between an attempt and its endpoint's transport. */
  readonly isIntercepted: boolean;
  /** The endpoints' transports are the user's, so that they may do anything. */
  readonly isForeign: boolean;
  /** Limit of one attempt of a unary call; Infinity for none. */
  readonly attemptTimeoutMs: number;
  /** Told when a call is about to wait for another one's end. */
  readonly onFull: (endpointState: EndpointState, call: Call) => void;
}

/** From a call to an endpoint: the answer, the pick, and the endpoint's transport. */
export class EndpointChooser {
  readonly #options: EndpointChooserOptions;

  constructor(options: EndpointChooserOptions) {
    this.#options = options;
  }

  /** A call's first attempt: at once if the answer in hand is good, else when a look-up has answered. */
  first(call: Call, now: number): Attempt | Promise<Attempt> {
    if (call.isOver(now)) throw deadlineExceeded();
    const answer = this.#options.answers.peek(now);
    if (answer === undefined) return this.#firstAfterLookUp(call);
    return this.#attempt(call, this.#pickFirst(call, answer, now), now);
  }

  /**
   * A call's further attempt: on an endpoint that it has not tried, found by a look-up if need be, else on any.
   * Undefined if there is none that it may go to, or its time is over.
   *
   * @param elsewhere the request never left: only an untried endpoint will do.
   */
  async further(call: Call, elsewhere: boolean): Promise<Attempt | undefined> {
    const { answers, pool, runtime } = this.#options;
    const tried = call.failures?.tried ?? new Set();
    let now = runtime.clock.now();
    if (call.isOver(now)) return undefined;
    checkEndpoints(answers.peek(now) ?? (await this.#lookUp(call)));
    const pick = () => (elsewhere ? pool.pickForUnsent(now, call, tried) : pool.pickUntried(now, call, tried));
    let endpointState = pick();
    if (endpointState === undefined && (await this.#settle(call))) {
      now = runtime.clock.now();
      checkEndpoints(answers.answer as Answer);
      endpointState = pick();
    }
    if (endpointState === undefined && elsewhere) endpointState = await this.#reachedLate(call);
    // Since it was last looked at, the clock may have moved by a wait, or by as long as the process was held up.
    now = runtime.clock.now();
    if (call.isOver(now)) return undefined;
    endpointState ??= elsewhere ? undefined : pool.pick(now, call);
    return endpointState === undefined ? undefined : this.#attempt(call, endpointState, now);
  }

  /** Another attempt of a call while this one is under way, on an endpoint of its own; undefined if there is none. */
  besides(attempt: Attempt, now: number): Attempt | undefined {
    const { call, endpointState } = attempt;
    if (call.isOver(now)) return undefined;
    const taken = new Set(call.failures?.tried).add(endpointState);
    const other = this.#options.pool.pickUntried(now, call, taken);
    return other === undefined ? undefined : this.#attempt(call, other, now);
  }

  /** Whether there is an endpoint that the call could go to instead of this one. */
  hasUntried(call: Call, endpointState: EndpointState, now: number): boolean {
    const taken = new Set(call.failures?.tried).add(endpointState);
    return this.#options.pool.pickForUnsent(now, call, taken) !== undefined;
  }

  /** Made on the endpoint's first use. Where it cannot be made, the endpoint is one that cannot be connected to. */
  transportOf(endpointState: EndpointState): CarryingTransport {
    try {
      endpointState.transport ??= this.#options.open(endpointState);
      return endpointState.transport;
    } catch (error) {
      return unusable(error);
    }
  }

  /** The endpoints that a pick may choose from now. */
  eligible(answer: Answer, now: number): readonly EndpointState[] {
    checkEndpoints(answer);
    return this.#options.pool.view(now).members;
  }

  /** An attempt has its connection, and may be sent. */
  ready(attempt: Attempt, now: number): void {
    this.#limit(attempt, now);
    if (attempt.transport.isFull) this.#options.onFull(attempt.endpointState, attempt.call);
  }

  /** Tells an attempt how much time it has. */
  #limit(attempt: Attempt, now: number): void {
    // A stream may be open for as long as it likes.
    const unary = attempt.call.method.methodKind === "unary";
    attempt.limit(now, unary ? this.#options.attemptTimeoutMs : Number.POSITIVE_INFINITY);
  }

  async #firstAfterLookUp(call: Call): Promise<Attempt> {
    const answer = await this.#lookUp(call);
    const now = this.#options.runtime.clock.now();
    if (call.isOver(now)) throw deadlineExceeded();
    return this.#attempt(call, this.#pickFirst(call, answer, now), now);
  }

  #pickFirst(call: Call, answer: Answer, now: number): EndpointState {
    checkEndpoints(answer);
    return this.#options.pool.pick(now, call);
  }

  #attempt(call: Call, endpointState: EndpointState, now: number): Attempt {
    const { budget, watcher, isIntercepted, isForeign, runtime } = this.#options;
    const attempt = new Attempt(call, endpointState, this.transportOf(endpointState), watcher, now);
    attempt.connect(now);
    budget.begin();
    if (isIntercepted) attempt.code = intercepted(runtime.clock, attempt);
    else if (isForeign) attempt.code = new UserCode(undefined, true);
    if (attempt.permit?.probe !== undefined) this.#options.pool.invalidate();
    if (attempt.connecting === undefined) this.ready(attempt, now);
    else this.#limit(attempt, now);
    return attempt;
  }

  async #lookUp(call: Call): Promise<Answer> {
    try {
      return await this.#options.answers.get(this.#waiting(call));
    } catch (error) {
      if (call.signal?.aborted) throw abortedBy(call.signal);
      if (!(error instanceof NoAnswerError)) throw error;
      const now = this.#options.runtime.clock.now();
      // A clock that went back says nothing of the time that has passed; a look-up that goes on does.
      throw error.isPending || call.isOver(now) ? deadlineExceeded() : lookUpFailed(error);
    }
  }

  #waiting(call: Call): WaitLimits {
    return { signal: call.signal, deadline: call.deadline(this.#options.runtime.clock.now()) };
  }

  /** With nothing else to try, the call waits for the connections that it has asked for. */
  async #reachedLate(call: Call): Promise<EndpointState | undefined> {
    if (call.lateDials === undefined) return undefined;
    const { clock } = this.#options.runtime;
    const now = clock.now();
    const wait = { signal: call.signal, leftMs: call.deadline(now) - now, connectTimeoutMs: LONGEST_CONNECT_MS, clock };
    try {
      return await connected(call.lateDials.first(), wait);
    } catch (error) {
      if (error instanceof ConnectError) throw error;
      return undefined;
    }
  }

  async #settle(call: Call): Promise<boolean> {
    try {
      return await this.#options.answers.awaitRunning(this.#waiting(call));
    } catch {
      throw abortedBy(call.signal as AbortSignal);
    }
  }
}

/** @throws ConnectError where the answer is that there are none. */
function checkEndpoints({ endpoints, reason }: Answer): void {
  if (endpoints.length === 0) throw noServers(reason);
}
