import type { DescMethod } from "@bufbuild/protobuf";
import type { AnswerSource } from "../discovery/with-fallback.ts";
import type { EligibleView } from "../endpoints/eligible.ts";
import type { EndpointState } from "../endpoints/endpoint-state.ts";
import type { StopReason } from "../resilience/stop-reason.ts";
import type { Clock } from "../runtime.ts";
import { attachReport } from "../telemetry/call-report.ts";
import type { Emitter } from "../telemetry/emitter.ts";
import type { Attempt } from "./attempt.ts";
import type { Call, Failures } from "./call.ts";

export interface ReporterOptions {
  readonly target: string;
  readonly answers: AnswerSource;
  readonly clock: Clock;
  readonly emit: Emitter["emit"];
}

/** Reasons that an application may want to hear of: another attempt might have helped. */
const MIGHT_HAVE_HELPED: ReadonlySet<StopReason> = new Set([
  "method",
  "deadline",
  "budget",
  "attempts",
  "no-endpoint",
  "pushback",
  "stream",
]);

/** What calls report: the events of their way, and what stands behind the error of one that failed. */
export class Reporter {
  readonly #options: ReporterOptions;
  #serving: Pick<EligibleView, "mode" | "tier"> & { readonly fallback: boolean } = {
    mode: "eligible",
    tier: Number.NEGATIVE_INFINITY,
    fallback: false,
  };

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  /** Attaches the report of a call to the error that its user sees. */
  failed(error: object, call: Pick<Call, "method" | "failures">, stopped: StopReason): void {
    const { answers, clock, target, emit } = this.#options;
    const { answer } = answers;
    const method = nameOf(call.method);
    attachReport(error, {
      target,
      method,
      attempts: call.failures?.reports ?? [],
      stopped,
      answerAgeMs: answer === undefined ? undefined : clock.now() - answer.resolvedAt,
      lookUpError: answers.lookUpError,
    });
    const last = call.failures?.last;
    if (last === undefined) return;
    const { endpoint } = last.endpointState;
    const { outcome, error: reason, hint } = last.report;
    if (!MIGHT_HAVE_HELPED.has(stopped) && hint === undefined) return;
    emit({ type: "not-retried", method, endpoint, outcome, because: stopped, error: reason, hint });
  }

  /** A further attempt is about to be sent. */
  retried({ call, endpointState: { endpoint } }: Attempt, delayMs: number): void {
    const { outcome, error, hint } = (call.failures as Failures).last.report;
    const method = nameOf(call.method);
    this.#options.emit({ type: "retry", method, endpoint, attempt: call.attempt, outcome, delayMs, error, hint });
  }

  /** A second copy of a call is about to be sent. */
  hedged(first: Attempt, copy: Attempt): void {
    const method = nameOf(copy.call.method);
    this.#options.emit({
      type: "hedge",
      method,
      first: first.endpointState.endpoint,
      endpoint: copy.endpointState.endpoint,
    });
  }

  /** A call is about to wait for another one's end. */
  full({ endpoint }: EndpointState, { method }: Call): void {
    this.#options.emit({ type: "full", method: nameOf(method), endpoint });
  }

  /** Calls go to these endpoints from now on. */
  serving({ mode, tier, members }: EligibleView): void {
    const fallback = members[0]?.endpoint.fallback === true;
    const before = this.#serving;
    if (before.mode === mode && before.tier === tier && before.fallback === fallback) return;
    this.#serving = { mode, tier, fallback };
    // Where a transport begins is no change, unless something is wrong from the start.
    if (before.tier === Number.NEGATIVE_INFINITY && mode === "eligible" && !fallback) return;
    this.#options.emit({ type: "serving", tier, mode, fallback });
  }
}

function nameOf({ parent, name }: DescMethod): string {
  return `${parent.typeName}/${name}`;
}
