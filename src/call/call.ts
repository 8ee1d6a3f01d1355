import type { DescMethod } from "@bufbuild/protobuf";
import { type ContextValues, createContextValues } from "@connectrpc/connect";
import type { PickInfo } from "../balancing/picker.ts";
import type { EndpointRecord } from "../pool/record.ts";
import { isTransparent, type Outcome } from "../resilience/outcome.ts";
import type { CallHistory, RetryDecision } from "../resilience/retry-decision.ts";
import type { AttemptReport } from "../telemetry/call-report.ts";

/** Receivers accept eight digits (gRPC's TimeoutValue); a longer deadline is kept by us, not told. */
const LONGEST_TIMEOUT_MS = 99_999_999;

/** One call of a client: what it asked for, and what its attempts came to. */
export class Call implements PickInfo, CallHistory {
  readonly method: DescMethod;
  readonly signal: AbortSignal | undefined;
  readonly startedAt: number;
  /** When the call must be over, on the runtime's clock; Infinity without a limit. */
  readonly deadline: number;
  /** One object for all attempts, so that interceptors can keep state over them. */
  readonly contextValues: ContextValues;
  /** The attempt under way, from 1. */
  attempt = 1;
  sent = 0;
  notSent = 0;
  transparent = 0;
  /** How to go on after a failed attempt. */
  next: RetryDecision | undefined = undefined;
  /** Attempts that failed; a call without one pays for no list. */
  failures: { readonly tried: Set<EndpointRecord>; readonly reports: AttemptReport[] } | undefined = undefined;

  /** @param timeoutMs as in Connect: 0 and below is no limit. */
  constructor(
    method: DescMethod,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    contextValues: ContextValues | undefined,
    now: number,
  ) {
    this.method = method;
    this.signal = signal;
    this.startedAt = now;
    this.deadline = timeoutMs === undefined || timeoutMs <= 0 ? Number.POSITIVE_INFINITY : now + timeoutMs;
    this.contextValues = contextValues ?? createContextValues();
  }

  /**
   * The time that is left, as a number that every server can read: a whole one from 1 (fractions are an error to
   * servers, 0 would mean "no limit"). Undefined without a limit.
   */
  remainingMs(now: number): number | undefined {
    if (this.deadline === Number.POSITIVE_INFINITY) return undefined;
    return Math.min(LONGEST_TIMEOUT_MS, Math.max(1, Math.ceil(this.deadline - now)));
  }

  /** Remembers a failed attempt. */
  addFailure(record: EndpointRecord, outcome: Outcome, report: AttemptReport): void {
    if (outcome.kind === "not-sent") this.notSent++;
    else if (!isTransparent(outcome) || ++this.transparent > 1) this.sent++;
    this.failures ??= { tried: new Set(), reports: [] };
    this.failures.tried.add(record);
    this.failures.reports.push(report);
  }
}
