/** gRFC A6's throttle: full bucket, cost of a failed attempt, gain of a success, and the level a retry needs. */
const FULL = 10;
const FAILURE_COST = 1;
const SUCCESS_GAIN = 0.1;
const NEEDED = 5;
/**
 * Tokens per millisecond that come back by themselves. A6 has none; without it a function called once a minute that
 * drained its bucket would wait 50 minutes for its next retry. 100 s fill an empty half; a process that fails faster
 * than once in 20 s still drains.
 */
const REFILL_PER_MS = 0.05 / 1000;

/** Bounds the retries of one process, so that an outage is not amplified: at most four, then none until a success or 100 s. */
export class RetryBudget {
  #tokens = FULL;
  #refilledAt: number | undefined;

  /** A failed attempt that may have reached a server. */
  failed(now: number): void {
    this.#refill(now);
    this.#tokens = Math.max(0, this.#tokens - FAILURE_COST);
  }

  succeeded(): void {
    if (this.#tokens < FULL) this.#tokens = Math.min(FULL, this.#tokens + SUCCESS_GAIN);
  }

  allowsRetry(now: number): boolean {
    this.#refill(now);
    return this.#tokens > NEEDED;
  }

  /** How many attempts could fail at once and be repeated. */
  retriesLeft(now: number): number {
    this.#refill(now);
    return Math.max(0, Math.ceil((this.#tokens - NEEDED) / FAILURE_COST) - 1);
  }

  /** Tokens left, of 10. */
  tokens(now: number): number {
    this.#refill(now);
    return this.#tokens;
  }

  #refill(now: number): void {
    // A clock that went back gives nothing and takes nothing.
    const elapsed = Math.max(0, now - (this.#refilledAt ?? now));
    this.#tokens = Math.min(FULL, this.#tokens + elapsed * REFILL_PER_MS);
    this.#refilledAt = now;
  }
}
