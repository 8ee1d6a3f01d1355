import {
  type CircuitBreakerPolicy,
  ConstantBackoff,
  circuitBreaker,
  handleAll,
  handleWhen,
  isTaskCancelledError,
  type RetryPolicy,
  retry,
  TimeoutStrategy,
  timeout,
} from "cockatiel";
import { timerMs } from "../runtime.ts";

// cockatiel is the policy engine, and this is the one file that calls it: what it cannot do, and what it costs, shows here.

/**
 * Counts an endpoint's failures for a breaker, and says when there is one too many. It is cockatiel's `IBreaker` without
 * its name: the package's declarations have this type, and its users do not install cockatiel.
 */
export interface CircuitBreakerCounter {
  state: unknown;
  success(): void;
  failure(): boolean;
}

/** Whether a time limit of `withTimeLimit` has passed. */
export const isTimeLimit: (error: unknown) => boolean = isTaskCancelledError;

/**
 * Repeats what throws an error that is to be retried. It sets neither a limit nor a wait: our decision bounds the
 * attempts, and cockatiel's wait can be aborted neither by a signal nor by a deadline. One policy serves all calls,
 * because it keeps no state.
 */
export function createRetry(isRetried: (error: unknown) => boolean): RetryPolicy {
  const backoff = new ConstantBackoff(0);
  return retry(handleWhen(isRetried), { maxAttempts: Number.POSITIVE_INFINITY, backoff });
}

/**
 * A breaker that holds the state of an endpoint and admits its probe. It never becomes half-open by cockatiel's clock,
 * which cannot be injected: the caller has counted the time, and lets one probe in.
 */
export function createCircuitBreaker(
  counter: CircuitBreakerCounter,
  { onOpen, onClose }: { onOpen(failure: unknown): void; onClose(): void },
): CircuitBreakerPolicy {
  const policy = circuitBreaker(handleAll, { halfOpenAfter: Number.NEGATIVE_INFINITY, breaker: counter });
  policy.onBreak((reason) => {
    if ("error" in reason) onOpen(reason.error);
  });
  policy.onReset(onClose);
  return policy;
}

/**
 * Waits for what is under way, so long and no longer; it goes on afterwards.
 *
 * @throws an error of which `isTimeLimit()` is true when the time is up, or when the signal aborts.
 */
export function withTimeLimit<T>(ms: number, underWay: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  const policy = timeout(timerMs(ms), { strategy: TimeoutStrategy.Aggressive, abortOnReturn: false });
  return policy.execute(() => underWay, signal);
}
