import { type FailureKind, isUnreachable } from "../resilience/outcome.ts";
import type { CircuitBreakerCounter } from "../resilience/policies.ts";

export interface FailureLimits {
  readonly consecutiveFailures: number;
  readonly failureRatio: number;
  readonly minCalls: number;
}

/** The window of the ratio, and the buckets it moves by. */
const WINDOW_MS = 30_000;
const BUCKETS = 10;
const BUCKET_MS = WINDOW_MS / BUCKETS;

/**
 * What is remembered of an endpoint's calls, and whether that is enough to eject it. It counts for cockatiel's breaker:
 * cockatiel's own `SamplingBreaker` judges by windows that are hours old after an idle gap, and never opens at a few
 * calls a minute.
 */
export class FailureCounter implements CircuitBreakerCounter {
  /** cockatiel would store it with a serialised policy; nothing here outlives the process. */
  state: unknown;
  readonly #limits: FailureLimits;
  readonly #successes = new Uint32Array(BUCKETS);
  readonly #failures = new Uint32Array(BUCKETS);
  #bucket = 0;
  /** The bucket's place in the counts, and the time that it covers. */
  #index = 0;
  #from = 0;
  #to = 0;
  #inARow = 0;
  #shouldOpen = false;

  constructor(limits: FailureLimits) {
    this.#limits = limits;
  }

  /** Counts a failure; `failure()` then tells cockatiel whether it is one too many. */
  failed(kind: FailureKind, now: number): void {
    this.#moveTo(now);
    this.#failures[this.#index]! += 1;
    if (kind === "answered") this.#inARow++;
    // Once one too many it stays so until cockatiel has asked, which is some turns later: other calls may end meanwhile.
    this.#shouldOpen ||=
      isUnreachable(kind) || this.#inARow >= this.#limits.consecutiveFailures || this.#ratioReached();
  }

  succeeded(now: number): void {
    this.#moveTo(now);
    this.#successes[this.#index]! += 1;
    this.#inARow = 0;
  }

  /** Called by cockatiel. */
  failure(): boolean {
    const shouldOpen = this.#shouldOpen;
    this.#shouldOpen = false;
    return shouldOpen;
  }

  /** Called by cockatiel when a probe succeeded: the endpoint starts anew. */
  success(): void {
    this.#successes.fill(0);
    this.#failures.fill(0);
    this.#inARow = 0;
    this.#shouldOpen = false;
  }

  #ratioReached(): boolean {
    const failures = sum(this.#failures);
    const calls = failures + sum(this.#successes);
    return calls >= this.#limits.minCalls && failures / calls >= this.#limits.failureRatio;
  }

  /** Makes the bucket of this moment the current one, and drops those that have left the window. */
  #moveTo(now: number): void {
    if (now >= this.#from && now < this.#to) return;
    const bucket = Math.floor(now / BUCKET_MS);
    const passed = bucket - this.#bucket;
    // Backwards or further than the window: nothing counted so far belongs to it.
    if (passed < 0 || passed >= BUCKETS) {
      this.#successes.fill(0);
      this.#failures.fill(0);
    } else {
      for (let i = 1; i <= passed; i++) {
        this.#successes[(this.#bucket + i) % BUCKETS] = 0;
        this.#failures[(this.#bucket + i) % BUCKETS] = 0;
      }
    }
    this.#bucket = bucket;
    this.#index = bucket % BUCKETS;
    this.#from = bucket * BUCKET_MS;
    this.#to = this.#from + BUCKET_MS;
  }
}

function sum(counts: Uint32Array): number {
  let total = 0;
  for (const count of counts) total += count;
  return total;
}
