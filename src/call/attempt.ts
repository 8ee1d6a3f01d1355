import type { Permit } from "../endpoints/breaker.ts";
import type { EndpointState } from "../endpoints/endpoint-state.ts";
import type { CallUnderWay, Carrier, CarryingTransport, ConnectRequest } from "../endpoints/endpoint-transport.ts";
import { OVER } from "../runtime.ts";
import type { Call } from "./call.ts";
import type { UserCode } from "./user-code.ts";

/** What an attempt asks and tells its surroundings. */
export interface AttemptWatcher {
  canRetry(call: Call): boolean;
  /** Its connection gives no sign of life; `isFirst` of those on it. */
  onSuspect(attempt: Attempt, isFirst: boolean): void;
}

/**
 * Sends one attempt. It ends a successful one by `Settler.succeeded` (a stream does at its end); it rejects with what
 * the endpoint's transport threw.
 */
export interface Send<R> {
  send(attempt: Attempt): Promise<R>;
  /** Whether what has been sent so far can be sent again. */
  canResend(): boolean;
}

/** The race of two attempts of one call, while both are under way (`race.ts`). */
export interface AttemptRace {
  /** What the second copy comes to. */
  readonly copy: Promise<unknown> | undefined;
  /** The second copy has come to nothing. */
  readonly isCopyOver: boolean;
  /** Aborts when one of the two has won. */
  readonly decided: AbortSignal;
  isFirst(attempt: Attempt): boolean;
  isWon(attempt: Attempt): boolean;
  isLost(attempt: Attempt): boolean;
  /** A good response has begun. */
  commit(attempt: Attempt): void;
}

/** One try of a call on one endpoint. It holds the endpoint's slot until the attempt is settled. */
export class Attempt implements ConnectRequest, CallUnderWay {
  readonly call: Call;
  readonly endpointState: EndpointState;
  readonly transport: CarryingTransport;
  readonly startedAt: number;
  /** The breaker's; undefined for an ordinary attempt. */
  readonly permit: Permit | undefined;
  /** The connection that is being made; undefined if there is one. */
  connecting: Promise<void> | undefined = undefined;
  /** What the endpoint's transport is told; undefined without a limit. */
  timeoutMs: number | undefined = undefined;
  /** `timeoutMs` is the attempt's own limit, not what the call has left. */
  limited = false;
  /** Code of the user's in its way; undefined where there is none. */
  code: UserCode | undefined = undefined;
  /** When `timeoutMs` was set. */
  limitedAt = 0;
  isPatient = false;
  /** What carries it, once it is on its way; undefined where its transport does not say. */
  carrier: Carrier | undefined = undefined;
  /** How a copy of it is sent. */
  resend: (() => Send<unknown>) | undefined = undefined;
  /** With the call's other copy. */
  race: AttemptRace | undefined = undefined;
  readonly #watcher: AttemptWatcher;
  #waiting: AbortController | undefined = undefined;

  constructor(
    call: Call,
    endpointState: EndpointState,
    transport: CarryingTransport,
    watcher: AttemptWatcher,
    now: number,
  ) {
    this.#watcher = watcher;
    this.call = call;
    this.endpointState = endpointState;
    this.transport = transport;
    this.startedAt = now;
    this.permit = endpointState.begin(now);
  }

  /** Asks for the connection. What a transport of the user's throws is a failed connect as well. */
  connect(now: number): void {
    try {
      this.connecting = this.transport.connect?.(now, this);
    } catch (error) {
      this.connecting = Promise.reject(error);
    }
  }

  /** Sets what the endpoint's transport is told, from what is left of the call and the limit of one attempt. */
  limit(now: number, attemptTimeoutMs: number): void {
    this.limitedAt = now;
    this.timeoutMs = this.call.remainingMs(now);
    this.limited = false;
    if (attemptTimeoutMs < (this.timeoutMs ?? Number.POSITIVE_INFINITY)) {
      this.timeoutMs = Math.max(1, Math.ceil(attemptTimeoutMs));
      this.limited = true;
    }
  }

  /** Since when the server has had the request; undefined while it has none. */
  get withServerSince(): number | undefined {
    const link = this.code?.link;
    if (link === undefined) return this.startedAt;
    return link.state === "running" || link.state === "failed" ? link.enteredAt : undefined;
  }

  /** Whether the call could go on if this attempt's connection were lost. Asked only where a connection is in doubt. */
  get canRetry(): boolean {
    return this.#watcher.canRetry(this.call);
  }

  carriedBy(carrier: Carrier): void {
    this.carrier = carrier;
  }

  onSuspect(isFirst: boolean): void {
    this.#watcher.onSuspect(this, isFirst);
  }

  onResponse(isGood: boolean): void {
    if (isGood) this.race?.commit(this);
  }

  /** Aborts when the connection is no longer waited for. Made when a dial asks for it. */
  get signal(): AbortSignal {
    this.#waiting ??= new AbortController();
    return this.#waiting.signal;
  }

  stopWaiting(): void {
    this.#waiting?.abort(OVER);
  }
}
