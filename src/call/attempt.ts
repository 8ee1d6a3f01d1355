import type { ContextValues } from "@connectrpc/connect";
import { AttemptLink, attemptValues } from "../pool/attempt-link.ts";
import type { EndpointTransport, Waiting } from "../pool/endpoint-transport.ts";
import type { EndpointRecord } from "../pool/record.ts";
import type { Ticket } from "../resilience/breaker.ts";
import { causesOf } from "../resilience/failure-facts.ts";
import type { Clock } from "../runtime.ts";
import type { Call } from "./call.ts";
import type { Limits } from "./within-limits.ts";

/** One try of a call on one endpoint. It holds the endpoint's slot from its making until the judge ends it. */
export class Attempt implements Waiting {
  readonly call: Call;
  readonly record: EndpointRecord;
  readonly transport: EndpointTransport;
  readonly startedAt: number;
  /** The breaker's; undefined where breakers are switched off. */
  readonly ticket: Ticket | undefined;
  /** The connection that is being made; undefined if there is one. */
  readonly connecting: Promise<void> | undefined;
  /** What the endpoint's transport is told; undefined without a limit. */
  timeoutMs: number | undefined = undefined;
  /** `timeoutMs` is the attempt's own limit, not what the call has left. */
  limited = false;
  /** What the endpoint's transport is given: the call's, for an intercepted attempt with its link laid over them. */
  contextValues: ContextValues;
  /** Past the interceptors to the endpoint's transport; undefined without interceptors. */
  link: AttemptLink | undefined = undefined;
  /** Code of the user's is in its way, which may never settle: the wait for it is bounded here. */
  isBounded = false;
  /** A stream's request messages. */
  input: { readonly failure: unknown } | undefined = undefined;
  /** That bound has passed. */
  isExpired = false;
  readonly #isRepeatable: (call: Call) => boolean;
  #limitedAt = 0;
  #waiting: AbortController | undefined = undefined;

  constructor(
    call: Call,
    record: EndpointRecord,
    transport: EndpointTransport,
    isRepeatable: (call: Call) => boolean,
    now: number,
  ) {
    this.#isRepeatable = isRepeatable;
    this.call = call;
    this.contextValues = call.contextValues;
    this.record = record;
    this.transport = transport;
    this.startedAt = now;
    this.connecting = connect(transport, now, this);
    this.ticket = record.breaker?.start(now);
    record.inFlight++;
  }

  /** Sets what the endpoint's transport is told, from what is left of the call and the limit of one attempt. */
  limit(now: number, attemptTimeoutMs: number): void {
    this.#limitedAt = now;
    this.timeoutMs = this.call.remainingMs(now);
    this.limited = false;
    if (attemptTimeoutMs < (this.timeoutMs ?? Number.POSITIVE_INFINITY)) {
      this.timeoutMs = Math.max(1, Math.ceil(attemptTimeoutMs));
      this.limited = true;
    }
  }

  /** Links the attempt with its endpoint's transport, past the interceptors between them. */
  intercept(clock: Clock): void {
    this.link = new AttemptLink(clock, (now) => {
      if (this.timeoutMs === undefined) return undefined;
      // A clock that went back gives no time.
      return Math.max(1, this.timeoutMs - Math.max(0, Math.floor(now - this.#limitedAt)));
    });
    this.contextValues = attemptValues(this.call.contextValues, this.link);
  }

  /** Of the wait for code of the user's. */
  get limits(): Limits {
    const onExpired = (): void => {
      this.isExpired = true;
    };
    return { signal: this.call.signal, timeoutMs: this.timeoutMs, onExpired };
  }

  /** Which code of the user's threw this error, if it was not for the transport or its connection. */
  thrownBy(error: unknown): "interceptor" | "request" | undefined {
    if (this.input?.failure !== undefined && causesOf(error).includes(this.input.failure as object)) return "request";
    if (this.link === undefined) return undefined;
    const { state, failure } = this.link;
    const isTransports = this.isExpired
      ? state === "running"
      : state === "failed" && causesOf(error).includes(failure as object);
    return isTransports ? undefined : "interceptor";
  }

  /** Since when the server has had the request; undefined while it has none. */
  get withServerSince(): number | undefined {
    if (this.link === undefined) return this.startedAt;
    return this.link.state === "running" || this.link.state === "failed" ? this.link.enteredAt : undefined;
  }

  /** An interceptor answered in place of the server, or of its failure. */
  get isAnsweredByInterceptor(): boolean {
    return this.link !== undefined && this.link.state !== "succeeded";
  }

  /** Whether the call could go on if this attempt's connection were lost. Asked only where a connection is in doubt. */
  get repeatable(): boolean {
    return this.#isRepeatable(this.call);
  }

  /** Aborts when the connection is no longer waited for. Made when a dial asks for it. */
  get signal(): AbortSignal {
    this.#waiting ??= new AbortController();
    return this.#waiting.signal;
  }

  stopWaiting(): void {
    this.#waiting?.abort(NOT_WAITING);
  }
}

/** What a transport of the user's throws is a failed connect as well. */
function connect(transport: EndpointTransport, now: number, attempt: Waiting): Promise<void> | undefined {
  try {
    return transport.connect?.(now, attempt);
  } catch (error) {
    return Promise.reject(error);
  }
}

/** Built once: aborting without a reason would capture a stack. */
const NOT_WAITING = new Error("the call no longer waits for the connection");
