import type { DescMethod } from "@bufbuild/protobuf";
import { isIdempotent, type RetryLimits } from "../resilience/decide-retry.ts";
import type { Call } from "./call.ts";

/** Which calls may be on their way twice: those that could go on if they were lost, or that another copy may help. */
export class MayRetry {
  readonly #retry: RetryLimits | false;

  constructor(retry: RetryLimits | false) {
    this.#retry = retry;
  }

  /** Whether an attempt of this call that is lost on a stale connection would be followed by another one. */
  readonly afterLoss = ({ method, transparent }: Call): boolean =>
    this.#retry !== false && this.#retry.maxAttempts > 1 && transparent === 0 && this.#method(method, this.#retry);

  /** Whether another copy of this call may be sent while one is under way. */
  asCopy({ method, sent }: Call): boolean {
    return this.#retry !== false && sent + 1 < this.#retry.maxAttempts && this.#method(method, this.#retry);
  }

  #method(method: DescMethod, { idempotentMethods }: RetryLimits): boolean {
    // Other kinds of streams have sent messages that are gone.
    if (method.methodKind !== "unary" && method.methodKind !== "server_streaming") return false;
    return isIdempotent(method, idempotentMethods);
  }
}
