import type { DescMethod } from "@bufbuild/protobuf";
import type { RetryBudget } from "../resilience/budget.ts";
import { isIdempotent, type RetryLimits } from "../resilience/retry-decision.ts";
import type { Clock } from "../runtime.ts";
import type { Call } from "./call.ts";

/** Which calls could go on if they were lost: that is what decides whether a doubtful connection may carry them. */
export class Repeatable {
  readonly #retry: RetryLimits | false;
  readonly #budget: RetryBudget;
  readonly #clock: Clock;
  /** The methods that have been called. */
  readonly #methods = new Set<DescMethod>();

  constructor(retry: RetryLimits | false, budget: RetryBudget, clock: Clock) {
    this.#retry = retry;
    this.#budget = budget;
    this.#clock = clock;
  }

  /** Remembers a method, for `path()`. */
  learn(method: DescMethod): void {
    this.#methods.add(method);
  }

  /** Whether an attempt of this call that is lost on a stale connection would be followed by another one. */
  readonly call = ({ method, transparent }: Call): boolean =>
    this.#retry !== false && this.#retry.maxAttempts > 1 && transparent === 0 && this.#method(method);

  /**
   * Whether a request of this URL path would be sent again if it were given up now; false for what is not known.
   *
   * @param besides so many others are given up at the same time, and repeated first.
   */
  path(path: string, besides: number): boolean {
    if (besides >= this.#budget.retriesLeft(this.#clock.now())) return false;
    for (const method of this.#methods) {
      if (path.endsWith(`/${method.parent.typeName}/${method.name}`)) return this.#method(method);
    }
    return false;
  }

  #method(method: DescMethod): boolean {
    // Other kinds of streams have sent messages that are gone.
    if (method.methodKind !== "unary" && method.methodKind !== "server_streaming") return false;
    return this.#retry !== false && isIdempotent(method, this.#retry.idempotentMethods);
  }
}
