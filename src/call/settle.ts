import { ConnectError } from "@connectrpc/connect";
import type { Answers } from "../discovery/with-fallback.ts";
import { placeOf } from "../endpoint.ts";
import { endpointKey } from "../endpoints/endpoint-key.ts";
import type { EndpointRecord } from "../endpoints/endpoint-state.ts";
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

export interface JudgeOptions {
  readonly pool: Pool;
  readonly directory: Answers;
  readonly budget: RetryBudget;
  /** `false`: nothing is repeated. */
  readonly retry: RetryLimits | false;
  readonly runtime: Runtime;
  readonly emit: Emitter["emit"];
  readonly callbackFailed: Emitter["callbackFailed"];
  /** Of the endpoints' transports (`AttemptContext.recordsFacts`). */
  readonly recordsFacts: boolean;
}

/** What a failed attempt comes to for its call. */
export interface Verdict {
  /** What the user sees if there is no other attempt. */
  readonly userError: ConnectError;
  readonly decision: RetryDecision;
}

/** Ends attempts: what each says of its endpoint, of the service, and of how its call goes on. */
export class Judge {
  readonly #options: JudgeOptions;
  /** When the last attempt that succeeded began. */
  #succeededAt = Number.NEGATIVE_INFINITY;

  constructor(options: JudgeOptions) {
    this.#options = options;
  }

  /** @param now any moment of the attempt: it only finds the bucket that a success is counted in. */
  succeeded(attempt: Attempt, now: number): void {
    if (attempt.code?.answered) {
      this.cancelled(attempt);
      return;
    }
    const { record, ticket } = attempt;
    this.answered(attempt);
    this.#succeededAt = attempt.startedAt;
    this.#options.budget.succeeded(now);
    this.#release(attempt);
    const settled = record.succeeded(ticket, now);
    if (settled === false) return;
    this.#changed(false);
    void settled.then((returned) => this.#changed(returned && { type: "returned", endpoint: record.endpoint }));
  }

  /** Names the endpoint to those who hold the call's context values. */
  answered({ call, record }: Attempt): void {
    if (call.callersValues === undefined) return;
    try {
      call.callersValues.set(endpointKey, record.endpoint);
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
  async failed(attempt: Attempt, error: unknown, canResend: boolean): Promise<Verdict> {
    const { runtime, budget, retry, directory, recordsFacts } = this.#options;
    const { call, record } = attempt;
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
    if (isGone) directory.suspect(now, attempt.startedAt, this.#succeededAt);
    if (outcome.kind === "answered") this.answered(attempt);
    const hint = connectionHint(error, outcome);
    call.addFailure(record, outcome, { ...reportOf(attempt, error, outcome, now), hint });
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
  async silent({ record }: Attempt): Promise<void> {
    const now = this.#options.runtime.clock.now();
    if ((record.breaker?.state(now) ?? "closed") !== "closed") return;
    record.addFailure(now);
    this.#ejected(record, await record.failed(undefined, "answered", now), "ambiguous");
  }

  /** A connection has been made to an endpoint to which none could be made in time. */
  async reached(record: EndpointRecord): Promise<void> {
    if (await record.breaker?.reached()) this.#changed({ type: "returned", endpoint: record.endpoint });
  }

  async #settle(attempt: Attempt, outcome: Outcome, kind: FailureKind | undefined, now: number): Promise<void> {
    const { record, ticket } = attempt;
    this.#release(attempt);
    // One that is out comes back as an average one, whatever becomes of the calls that it still has.
    if (kind !== undefined && (record.breaker?.state(now) ?? "closed") === "closed") {
      record.addFailure(now, outcome.kind === "ambiguous" && outcome.cause === "lost");
    }
    if (kind !== undefined) {
      this.#ejected(record, await record.failed(ticket, kind, now), outcome.kind);
    } else if (outcome.kind === "answered") {
      // An error of the application's is a sign of life; it brings a half-open endpoint back, and otherwise counts for nothing.
      if (ticket?.probe === undefined) return;
      const returned = await record.succeeded(ticket, now);
      this.#changed(returned && { type: "returned", endpoint: record.endpoint });
    } else {
      this.#giveBack(attempt);
    }
  }

  #giveBack({ record, ticket }: Attempt): void {
    record.breaker?.cancelled(ticket);
    if (ticket?.probe !== undefined) this.#changed(false);
  }

  #ejected(record: EndpointRecord, forMs: number | undefined, outcome: Outcome["kind"]): void {
    if (forMs === undefined) return;
    record.resetLoad();
    this.#changed({ type: "ejected", endpoint: record.endpoint, forMs, outcome });
  }

  #release({ record }: Attempt): void {
    record.end();
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
  const { endpoint, tier } = attempt.record;
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
