import type { EndpointTransport, Waiting } from "../pool/endpoint-transport.ts";
import type { EndpointRecord } from "../pool/record.ts";
import type { Ticket } from "../resilience/breaker.ts";
import type { Call } from "./call.ts";

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
  readonly #isRepeatable: (call: Call) => boolean;
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
    this.record = record;
    this.transport = transport;
    this.startedAt = now;
    this.connecting = transport.connect?.(now, this);
    this.ticket = record.breaker?.start(now);
    record.inFlight++;
  }

  /** Sets what the endpoint's transport is told, from what is left of the call and the limit of one attempt. */
  limit(now: number, attemptTimeoutMs: number): void {
    if (this.call.deadline === Number.POSITIVE_INFINITY && attemptTimeoutMs === Number.POSITIVE_INFINITY) return;
    this.timeoutMs = this.call.remainingMs(now);
    if (attemptTimeoutMs < (this.timeoutMs ?? Number.POSITIVE_INFINITY)) {
      this.timeoutMs = Math.max(1, Math.ceil(attemptTimeoutMs));
      this.limited = true;
    }
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

/** Built once: aborting without a reason would capture a stack. */
const NOT_WAITING = new Error("the call no longer waits for the connection");
