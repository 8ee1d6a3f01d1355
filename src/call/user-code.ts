import type { ContextValues } from "@connectrpc/connect";
import type { Endpoint } from "../endpoint.ts";
import { AttemptLink, attemptValues } from "../endpoints/attempt-link.ts";
import type { CallUnderWay } from "../endpoints/endpoint-transport.ts";
import { causesOf } from "../resilience/failure-facts.ts";
import { type Clock, elapsedMs } from "../runtime.ts";
import type { Limits } from "./within-limits.ts";

/** What an attempt has told its endpoint's transport of its time, and when. */
export interface AttemptTime {
  readonly timeoutMs: number | undefined;
  readonly limitedAt: number;
}

/**
 * Code of the user's in the way of an attempt: interceptors of the attempt, a transport of the user's, a stream's source
 * of messages. It may throw anything and may never settle; here is what tells its doings from the server's.
 */
export class UserCode {
  /** Past the interceptors to the endpoint's transport; undefined without interceptors. */
  readonly link: AttemptLink | undefined;
  /** The wait for it is bounded: it stands between the call and its end. */
  readonly isBounded: boolean;
  /** A stream's request messages. */
  input: { readonly failure: unknown } | undefined = undefined;
  /** The bound has passed. */
  #isExpired = false;

  constructor(link: AttemptLink | undefined, isBounded: boolean) {
    this.link = link;
    this.isBounded = isBounded;
  }

  /** What the endpoint's transport is given: the call's values, with what is the attempt's own laid over them. */
  contextValues(values: ContextValues, endpoint: Endpoint): ContextValues {
    return this.isBounded ? attemptValues(values, this.link, endpoint) : values;
  }

  limits(signal: AbortSignal | undefined, timeoutMs: number | undefined): Limits {
    const onExpired = (): void => {
      this.#isExpired = true;
    };
    return { signal, timeoutMs, onExpired };
  }

  /** Which code threw this error, if it was not for the transport or its connection. */
  thrownBy(error: unknown): "interceptor" | "request" | undefined {
    if (this.input?.failure !== undefined && causesOf(error).includes(this.input.failure as object)) return "request";
    if (this.link === undefined) return undefined;
    const { state, failure } = this.link;
    const isTransports = this.#isExpired
      ? state === "running"
      : state === "failed" && causesOf(error).includes(failure as object);
    return isTransports ? undefined : "interceptor";
  }

  /** An interceptor answered in place of the server, or of its failure. */
  get answered(): boolean {
    return this.link !== undefined && this.link.state !== "succeeded";
  }
}

/** Links an attempt with its endpoint's transport, past the interceptors between them. */
export function intercepted(clock: Clock, attempt: CallUnderWay & AttemptTime): UserCode {
  const link = new AttemptLink(attempt, clock, (now) => {
    const { timeoutMs, limitedAt } = attempt;
    return timeoutMs === undefined ? undefined : Math.max(1, timeoutMs - Math.floor(elapsedMs(limitedAt, now)));
  });
  return new UserCode(link, true);
}
