import type { Code } from "@connectrpc/connect";
import { processWide } from "../common/process-wide.ts";
import { causesOf } from "../resilience/failure-facts.ts";
import type { Outcome } from "../resilience/outcome.ts";
import type { StopReason } from "../resilience/stop-reason.ts";

/** One failed attempt of a call. */
export interface AttemptReport {
  /** "address:port". */
  readonly endpoint: string;
  /** The name that TLS verified, or would have. */
  readonly verifiedName: string;
  /** The tier of the endpoint: from 0, the first that is used. */
  readonly tier: number;
  /** What became of it: docs/ARCHITECTURE.md, "Outcomes". */
  readonly outcome: Outcome["kind"];
  /** The Connect code of its error, if it had one. */
  readonly code: Code | undefined;
  /** From its start, the wait for a connection included, to its failure, in milliseconds. */
  readonly durationMs: number;
  /** The error as the endpoint's transport threw it. */
  readonly error: unknown;
  /**
   * Where no connection could be used, or something else than a handler answered: what to change, such as "set
   * tls: false". It may name addresses and what a certificate says. Undefined where nothing is known.
   */
  readonly hint: string | undefined;
}

/** What stands behind a call's error, for logs: it may name addresses, which the error's message never does. */
export interface CallReport {
  /** The transport's target, as it was written. */
  readonly target: string;
  /** "package.Service/Method". */
  readonly method: string;
  /** Those that failed, in their order. Empty if none could be made. */
  readonly attempts: readonly AttemptReport[];
  /** Why there was no further attempt. */
  readonly stopped: StopReason;
  /** Age of the answer in use when the call failed, in milliseconds; undefined if there was none. */
  readonly answerAgeMs: number | undefined;
  /** Why the last look-up failed, if it did. */
  readonly lookUpError: unknown;
}

const reports = processWide("call-reports", () => new WeakMap<object, CallReport>());

/**
 * What stands behind an error that a call of a balanced transport failed with, or that has such an error among its
 * causes: which endpoints were tried, with what outcome, and why it was not tried again. Undefined for any other value.
 *
 * ```ts
 * const report = callReport(error);
 * console.error(report?.stopped, report?.attempts.map(({ endpoint, outcome }) => `${endpoint}: ${outcome}`));
 * ```
 */
export function callReport(error: unknown): CallReport | undefined {
  for (const cause of causesOf(error)) {
    const report = reports().get(cause);
    if (report !== undefined) return report;
  }
  return undefined;
}

export function attachReport(error: object, report: CallReport): void {
  reports().set(error, report);
}
