import { ConnectError } from "@connectrpc/connect";
import type { AnswerSource } from "../discovery/with-fallback.ts";
import { placeOf } from "../endpoint.ts";
import { endpointKey } from "../endpoints/endpoint-key.ts";
import type { EndpointState } from "../endpoints/endpoint-state.ts";
import type { Pool } from "../endpoints/pool.ts";
import { userError } from "../errors.ts";
import type { RetryBudget } from "../resilience/budget.ts";
import { connectionHint } from "../resilience/connection-hints.ts";
import { decideRetry, noRetry, type RetryDecision, type RetryLimits } from "../resilience/decide-retry.ts";
import type { FailureKind } from "../resilience/outcome.ts";
import { classify, failureKind, type Outcome } from "../resilience/outcome.ts";
import { elapsedMs, type Runtime } from "../runtime.ts";
import type { Emitter } from "../telemetry/emitter.ts";
import type { EventBody } from "../telemetry/events.ts";
import type { Attempt } from "./attempt.ts";

export interface SettlerOptions {
  readonly pool: Pool;
  readonly answers: AnswerSource;
  readonly budget: RetryBudget;
  /** `false`: nothing is repeated. */
  readonly retry: RetryLimits | false;
  readonly runtime: Runtime;
  readonly emit: Emitter["emit"];
  readonly callbackFailed: Emitter["callbackFailed"];
  /** Of the endpoints' transports (`OutcomeContext.recordsFacts`). */
  readonly recordsFacts: boolean;
}

/** What a failed attempt comes to for its call. */
export interface SettledFailure {
  /** What the user sees if there is no other attempt. */
  readonly userError: ConnectError;
  readonly decision: RetryDecision;
}

/** Ends attempts: what each says of its endpoint, of the service, and of how its call goes on. */
export class Settler {
  readonly #options: SettlerOptions;
  /** When the last attempt that succeeded began. */
  #succeededAt = Number.NEGATIVE_INFINITY;

  constructor(options: SettlerOptions) {
    this.#options = options;
  }

  /** @param now any moment of the attempt: it only finds the bucket that a success is counted in. */
  succeeded(attempt: Attempt, now: number): void {
    if (attempt.code?.answered) {
      this.cancelled(attempt);
      return;
    }
    const { endpointState, permit } = attempt;
    this.answered(attempt);
    this.#succeededAt = attempt.startedAt;
    this.#options.budget.succeeded(now);
    this.#release(attempt);
    const settled = endpointState.succeeded(permit, now);
    if (settled === false) return;
    this.#changed(false);
    void settled.then((returned) => this.#changed(returned && { type: "returned", endpoint: endpointState.endpoint }));
  }

  /** Names the endpoint to those who hold the call's context values. */
  answered({ call, endpointState }: Attempt): void {
    if (call.callersValues === undefined) return;
    try {
      call.callersValues.set(endpointKey, endpointState.endpoint);
    } catch (error) {
      this.#options.callbackFailed("contextValues", error);
    }
  }

  /** The attempt ended without saying anything about its endpoint. */
  cancelled(attempt: Attempt): void {
    this.#release(attempt);
    this.#giveBack(attempt);
  }

  /**
   * Ends a failed attempt and decides whether and when there is another one.
   *
   * @param canResend whether what was sent can be sent again.
   */
  async failed(attempt: Attempt, error: unknown, canResend: boolean): Promise<SettledFailure> {
    const { runtime, budget, retry, answers, recordsFacts } = this.#options;
    const { call, endpointState } = attempt;
    const now = runtime.clock.now();
    const deadlinePassed = call.isOver(now);
    const outcome = classify(error, {
      signal: call.signal,
      deadlinePassed,
      attemptTimedOut: attempt.limited,
      thrownBy: attempt.code?.thrownBy(error),
      recordsFacts,
    });
    // Nothing listens there any more, or something else does.
    const isGone = outcome.kind === "not-sent" || (outcome.kind === "ambiguous" && outcome.cause === "foreign");
    if (isGone) answers.hintStale(now, attempt.startedAt, this.#succeededAt);
    if (outcome.kind === "answered") this.answered(attempt);
    const hint = connectionHint(error, outcome);
    call.addFailure(endpointState, outcome, { ...reportOf(attempt, error, outcome, now), hint });
    const kind = failureKind(outcome) ?? deadlineFailure(attempt, outcome, now);
    await this.#settle(attempt, outcome, kind, now);
    const decision = decideRetry(error, outcome, call.history(now, canResend), retry, now, runtime.random);
    const free = decision.retry && decision.free;
    if (outcome.kind !== "not-sent" && !free && (kind !== undefined || decision.retry)) budget.failed(now);
    const isAffordable = !decision.retry || free || budget.allowsRetry(now);
    return {
      userError: userError(error, outcome, deadlinePassed, hint),
      decision: isAffordable ? decision : noRetry("budget"),
    };
  }

  /** The endpoint's connection gives no sign of life, which no call has seen yet. */
  async silent({ endpointState }: Attempt): Promise<void> {
    const now = this.#options.runtime.clock.now();
    if ((endpointState.breaker?.state(now) ?? "closed") !== "closed") return;
    endpointState.addFailure(now);
    this.#ejected(endpointState, await endpointState.failed(undefined, "answered", now), "ambiguous");
  }

  /** A connection has been made to an endpoint to which none could be made in time. */
  async reached(endpointState: EndpointState): Promise<void> {
    if (await endpointState.breaker?.reached()) this.#changed({ type: "returned", endpoint: endpointState.endpoint });
  }

  async #settle(attempt: Attempt, outcome: Outcome, kind: FailureKind | undefined, now: number): Promise<void> {
    const { endpointState, permit } = attempt;
    this.#release(attempt);
    // One that is out comes back as an average one, whatever becomes of the calls that it still has.
    if (kind !== undefined && (endpointState.breaker?.state(now) ?? "closed") === "closed") {
      endpointState.addFailure(now, outcome.kind === "ambiguous" && outcome.cause === "lost");
    }
    if (kind !== undefined) {
      this.#ejected(endpointState, await endpointState.failed(permit, kind, now), outcome.kind);
    } else if (outcome.kind === "answered") {
      // An error of the application's is a sign of life; it brings a half-open endpoint back, and otherwise counts for nothing.
      if (permit?.probe === undefined) return;
      const returned = await endpointState.succeeded(permit, now);
      this.#changed(returned && { type: "returned", endpoint: endpointState.endpoint });
    } else {
      this.#giveBack(attempt);
    }
  }

  #giveBack({ endpointState, permit }: Attempt): void {
    endpointState.breaker?.cancelled(permit);
    if (permit?.probe !== undefined) this.#changed(false);
  }

  #ejected(endpointState: EndpointState, forMs: number | undefined, outcome: Outcome["kind"]): void {
    if (forMs === undefined) return;
    endpointState.resetLoad();
    this.#changed({ type: "ejected", endpoint: endpointState.endpoint, forMs, outcome });
  }

  #release({ endpointState }: Attempt): void {
    endpointState.end();
    this.#options.budget.end();
  }

  #changed(event: EventBody | false): void {
    this.#options.pool.invalidate();
    if (event !== false) this.#options.emit(event);
  }
}

/**
 * A silent server shows as the caller's deadline. It is blamed if it had at least half of the call's time: a short rest
 * after earlier attempts would condemn a healthy one.
 */
function deadlineFailure(attempt: Attempt, outcome: Outcome, now: number): FailureKind | undefined {
  const { withServerSince } = attempt;
  if (outcome.kind !== "caller" || outcome.cause !== "deadline" || withServerSince === undefined) return undefined;
  return 2 * (now - withServerSince) >= now - attempt.call.startedAt ? "answered" : undefined;
}

function reportOf(attempt: Attempt, error: unknown, outcome: Outcome, now: number) {
  const { endpoint, tier } = attempt.endpointState;
  return {
    endpoint: placeOf({ address: attempt.transport.address ?? endpoint.address, port: endpoint.port }),
    verifiedName: endpoint.verifiedName,
    tier,
    outcome: outcome.kind,
    code: error instanceof ConnectError ? error.code : undefined,
    durationMs: elapsedMs(attempt.startedAt, now),
    error,
  };
}
