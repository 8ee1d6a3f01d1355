import { create, type DescMessage, type DescMethodUnary, type MessageInitShape } from "@bufbuild/protobuf";
import {
  ConnectError,
  type ContextValues,
  type Interceptor,
  type UnaryRequest,
  type UnaryResponse,
} from "@connectrpc/connect";
import { abortedBy, deadlineExceeded } from "./errors.ts";
import { elapsedMs, OVER, type Runtime } from "./runtime.ts";

/** What the deadline of a request is kept by. */
type Waits = Pick<Runtime, "clock" | "sleep">;

/** A unary request before the first interceptor. */
export interface InterceptedRequest<I extends DescMessage, O extends DescMessage> {
  readonly method: DescMethodUnary<I, O>;
  readonly url: string;
  readonly message: MessageInitShape<I>;
  readonly contextValues: ContextValues;
  readonly signal: AbortSignal | undefined;
  /** Undefined for no limit. */
  readonly timeoutMs: number | undefined;
  /** Builds what interceptors see as `req.header`. */
  header(): Headers;
}

/** A request that has passed the interceptors. What none of them has looked at is as it was, and cost nothing. */
export interface PassedRequest<I extends DescMessage, O extends DescMessage> {
  readonly request: UnaryRequest<I, O>;
  /** Undefined where no interceptor has asked for headers. */
  readonly header: Headers | undefined;
  /** The caller's, where no interceptor has asked for a signal. */
  readonly signal: AbortSignal | undefined;
}

/**
 * Runs interceptors round a unary call, by connect-es' contract (`runUnaryCall`): the first is the outermost; the message
 * is normalised; `req.signal` aborts with the caller's signal, at the deadline, and when the call is over; what they
 * throw becomes a ConnectError. connect-es makes three AbortControllers and `Headers` for each call; here `req.signal`
 * and `req.header` are made when an interceptor reads them.
 */
export function intercept<I extends DescMessage, O extends DescMessage>(
  interceptors: readonly Interceptor[],
  given: InterceptedRequest<I, O>,
  runtime: Waits,
  send: (passed: PassedRequest<I, O>) => Promise<UnaryResponse<I, O>>,
): Promise<UnaryResponse<I, O>> {
  const life = new RequestLife(given.signal, given.timeoutMs, runtime);
  let header: Headers | undefined;
  const request: UnaryRequest<I, O> = {
    stream: false,
    service: given.method.parent,
    method: given.method,
    requestMethod: "POST",
    url: given.url,
    message: create(given.method.input, given.message),
    contextValues: given.contextValues,
    // Own accessors, so that `{ ...req }` has them, with setters, because connect-es' are plain members.
    get header() {
      header ??= given.header();
      return header;
    },
    set header(value) {
      header = value;
    },
    get signal() {
      return life.signal;
    },
    set signal(value) {
      life.signal = value;
    },
  };
  const last = (passed: UnaryRequest<I, O>) =>
    send(
      passed === request
        ? { request, header, signal: life.seen }
        : { request: passed, header: passed.header, signal: passed.signal },
    );
  let response: Promise<UnaryResponse<I, O>>;
  try {
    const first = interceptors.reduceRight<(request: UnaryRequest<I, O>) => Promise<UnaryResponse<I, O>>>(
      (next, interceptor) => interceptor(next as never) as never,
      last,
    );
    response = first(request);
  } catch (error) {
    response = Promise.reject(error);
  }
  return response.then(
    (value) => {
      life.end();
      return value;
    },
    (reason) => {
      throw life.fail(reason);
    },
  );
}

/** The signal of a request, made for the first who reads it. */
class RequestLife {
  readonly #caller: AbortSignal | undefined;
  readonly #timeoutMs: number | undefined;
  readonly #runtime: Waits;
  readonly #startedAt: number;
  #controller: AbortController | undefined;
  #replaced: AbortSignal | undefined;
  /** Ends the wait for the deadline. */
  #wait: AbortController | undefined;

  constructor(caller: AbortSignal | undefined, timeoutMs: number | undefined, runtime: Waits) {
    this.#caller = caller;
    this.#timeoutMs = timeoutMs;
    this.#runtime = runtime;
    this.#startedAt = timeoutMs === undefined ? 0 : runtime.clock.now();
  }

  get signal(): AbortSignal {
    this.#controller ??= this.#make();
    return this.#replaced ?? this.#controller.signal;
  }

  set signal(signal: AbortSignal) {
    this.#replaced = signal;
  }

  /** What the call is to obey: the caller's own signal, where nobody has read this one and there is time left. */
  get seen(): AbortSignal | undefined {
    if (this.#leftMs <= 0) return this.signal;
    return this.#replaced ?? this.#controller?.signal ?? this.#caller;
  }

  end(): void {
    this.#stop();
    this.#controller?.abort();
  }

  /** What the call fails with. */
  fail(reason: unknown): ConnectError {
    this.#stop();
    const signal = this.#controller?.signal ?? this.#caller;
    const error = signal?.aborted ? abortedBy(signal) : ConnectError.from(reason);
    this.#controller?.abort(error);
    return error;
  }

  #make(): AbortController {
    const controller = new AbortController();
    const caller = this.#caller;
    if (caller?.aborted) controller.abort(caller.reason);
    else caller?.addEventListener("abort", this.#onAbort);
    const leftMs = this.#leftMs;
    if (leftMs <= 0) controller.abort(deadlineExceeded());
    else if (leftMs < Number.POSITIVE_INFINITY) {
      this.#wait = new AbortController();
      const expire = (): void => controller.abort(deadlineExceeded());
      this.#runtime.sleep(leftMs, this.#wait.signal).then(expire, () => {});
    }
    return controller;
  }

  get #leftMs(): number {
    if (this.#timeoutMs === undefined) return Number.POSITIVE_INFINITY;
    return this.#timeoutMs - elapsedMs(this.#startedAt, this.#runtime.clock.now());
  }

  readonly #onAbort = (): void => this.#controller?.abort(this.#caller?.reason);

  #stop(): void {
    this.#wait?.abort(OVER);
    this.#caller?.removeEventListener("abort", this.#onAbort);
  }
}
