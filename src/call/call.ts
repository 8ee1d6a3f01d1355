// call/ is one call from its start to its outcome: it chooses an endpoint, makes attempts, waits for connections,
// retries, hedges where a connection is silent, keeps deadlines, and settles what each attempt means for its endpoint
// and its call. It may know endpoints, answers and decisions as values. It must not know DNS, a scheme or a socket.

import type { DescMethod } from "@bufbuild/protobuf";
import { type ContextValues, createContextValues } from "@connectrpc/connect";
import type { EndpointState } from "../endpoints/endpoint-state.ts";
import type { PickInfo } from "../pickers/picker.ts";
import type { CallHistory } from "../resilience/decide-retry.ts";
import { isTransparent, type Outcome } from "../resilience/outcome.ts";
import type { AttemptReport } from "../telemetry/call-report.ts";
import type { LateDials } from "./late-dials.ts";

/** Receivers accept eight digits (gRPC's TimeoutValue); a longer deadline is kept by us, not told. */
const LONGEST_TIMEOUT_MS = 99_999_999;

/** What failed of a call. */
export interface Failures {
  readonly tried: Set<EndpointState>;
  readonly reports: AttemptReport[];
  last: { readonly endpointState: EndpointState; readonly report: AttemptReport };
}

/** One call of a client: what it asked for, and what its attempts came to. */
export class Call implements PickInfo {
  readonly method: DescMethod;
  readonly signal: AbortSignal | undefined;
  readonly startedAt: number;
  /** Those that the caller holds, and can read what is written there; undefined where it gave none. */
  readonly callersValues: ContextValues | undefined;
  #contextValues: ContextValues | undefined;
  /** The attempt under way, from 1. */
  attempt = 1;
  sent = 0;
  notSent = 0;
  transparent = 0;
  /** A second copy of it has been sent. */
  isHedged = false;
  /** Attempts that are under way, besides those that come later. */
  unreported = 0;
  /** Connections that it has stopped waiting for. */
  lateDials: LateDials | undefined = undefined;
  /** Attempts that failed; a call without one pays for no list. */
  failures: Failures | undefined = undefined;
  #deadline: number;
  #lookedAt: number;

  /**
   * @param timeoutMs as in Connect: 0 and below is no limit.
   * @param startedAt when the caller made the call: before interceptors, whose time is the call's.
   */
  constructor(
    method: DescMethod,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    contextValues: ContextValues | undefined,
    startedAt: number,
  ) {
    this.method = method;
    this.signal = signal;
    this.startedAt = startedAt;
    this.#deadline = timeoutMs === undefined || timeoutMs <= 0 ? Number.POSITIVE_INFINITY : startedAt + timeoutMs;
    this.#lookedAt = startedAt;
    this.callersValues = contextValues;
    this.#contextValues = contextValues;
  }

  /** One object for all attempts, so that interceptors can keep state over them. */
  get contextValues(): ContextValues {
    this.#contextValues ??= createContextValues();
    return this.#contextValues;
  }

  /**
   * When the call must be over, on the runtime's clock; Infinity without a limit. A clock that goes back takes the
   * deadline along: a call never has more time than when it last looked.
   */
  deadline(now: number): number {
    if (now < this.#lookedAt) this.#deadline -= this.#lookedAt - now;
    this.#lookedAt = now;
    return this.#deadline;
  }

  /** No attempt is started any more. */
  isOver(now: number): boolean {
    return now >= this.deadline(now);
  }

  /**
   * The time that is left, as a number that every server can read: a whole one from 1 (fractions are an error to
   * servers, 0 would mean "no limit"). Undefined without a limit.
   */
  remainingMs(now: number): number | undefined {
    const leftMs = this.deadline(now) - now;
    if (leftMs === Number.POSITIVE_INFINITY) return undefined;
    return Math.min(LONGEST_TIMEOUT_MS, Math.max(1, Math.ceil(leftMs)));
  }

  /** What is behind the call, for the decision on a retry. */
  history(now: number, canResend: boolean): CallHistory {
    const { method, sent, notSent, transparent } = this;
    return { method, sent, notSent, transparent, deadline: this.deadline(now), canResend };
  }

  /** Attempts so far that may have reached a server. */
  get earlierAttempts(): number {
    return this.unreported + (this.failures === undefined ? 0 : this.failures.reports.length - this.notSent);
  }

  /** Remembers a failed attempt. */
  addFailure(endpointState: EndpointState, outcome: Outcome, report: AttemptReport): void {
    if (outcome.kind === "not-sent") this.notSent++;
    else if (!isTransparent(outcome)) this.sent++;
    else if (++this.transparent > 1 && !(outcome.kind === "refused" && outcome.leaving)) this.sent++;
    const last = { endpointState, report };
    this.failures ??= { tried: new Set(), reports: [], last };
    this.failures.tried.add(endpointState);
    this.failures.reports.push(report);
    this.failures.last = last;
  }
}
