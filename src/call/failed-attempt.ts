import type { ConnectError } from "@connectrpc/connect";
import type { RetryDecision } from "../resilience/decide-retry.ts";
import type { Attempt } from "./attempt.ts";

/**
 * A failed attempt, and how its call goes on. It is thrown, so that cockatiel's retry can handle it, and it is no Error,
 * whose stack nobody would see.
 */
export class FailedAttempt {
  readonly attempt: Attempt;
  /** What the user sees if there is no other attempt. */
  readonly userError: ConnectError;
  readonly decision: RetryDecision;

  constructor(attempt: Attempt, userError: ConnectError, decision: RetryDecision) {
    this.attempt = attempt;
    this.userError = userError;
    this.decision = decision;
  }
}
