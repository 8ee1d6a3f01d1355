import type { Code } from "@connectrpc/connect";
import type { Outcome } from "../resilience/outcome.ts";

/** One failed attempt of a call. */
export interface AttemptReport {
  /** "address:port". */
  readonly endpoint: string;
  readonly verifiedName: string;
  readonly tier: number;
  /** What became of it: docs/ARCHITECTURE.md, "Outcomes". */
  readonly outcome: Outcome["kind"];
  /** The Connect code of its error, if it had one. */
  readonly code: Code | undefined;
  readonly durationMs: number;
  /** The error as the endpoint's transport threw it. */
  readonly error: unknown;
}

/** What stands behind a call's error, for logs: it may name addresses, which the error's message never does. */
export interface CallReport {
  readonly target: string;
  readonly method: string;
  readonly attempts: readonly AttemptReport[];
  /** Age of the answer in use when the call failed; undefined if there was none. */
  readonly answerAgeMs: number | undefined;
  /** Why the last look-up failed, if it did. */
  readonly lookUpError: unknown;
}

const reports = new WeakMap<object, CallReport>();

/**
 * What stands behind an error that a call of a balanced transport failed with: which endpoints were tried, with what
 * outcome. Undefined for any other value.
 */
export function callReport(error: unknown): CallReport | undefined {
  return typeof error === "object" && error !== null ? reports.get(error) : undefined;
}

export function attachReport(error: object, report: CallReport): void {
  reports.set(error, report);
}
