import type { ClientHttp2Stream } from "node:http2";
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { linkOf } from "../../endpoints/attempt-link.ts";
import type { CallUnderWay } from "../../endpoints/endpoint-transport.ts";
import { recordSight, type Sight } from "../../resilience/connection-hints.ts";
import { type Exchange, isGood, mayBeForeign, type ResponseHeader, recordCause } from "../exchange.ts";
import { cancelStream } from "../http2/http2-failure.ts";

/** A request of connect-node's, between its call and the connection that carries it. */
export class ConnectNodeExchange implements Exchange {
  readonly call: CallUnderWay | undefined;
  isDoubted = false;
  hasResponse = false;
  /** Its response may be another program's. */
  isForeign = false;
  /** What its response shows of the server. */
  sight: Sight | undefined;
  #stream: ClientHttp2Stream | undefined;
  #takenBack: Error | undefined;

  constructor(call: CallUnderWay | undefined) {
    this.call = call;
    call?.carriedBy(this);
  }

  opened(stream: ClientHttp2Stream): void {
    this.#stream = stream;
    if (this.#takenBack !== undefined) cancelStream(stream, this.#takenBack);
  }

  answered(header: ResponseHeader, isKnown: boolean): void {
    this.hasResponse = true;
    this.isForeign = !isKnown && mayBeForeign(header);
    this.call?.onResponse(isGood(header));
  }

  takeBack(reason: Error): void {
    this.#takenBack = reason;
    if (this.#stream !== undefined) cancelStream(this.#stream, reason);
  }
}

/**
 * Joins a call of connect-node's transport with the request that it opens on a connection. connect-node gives the one no
 * handle on the other; but it opens the request before its first `await`.
 */
export class ConnectNodeExchanges {
  #opening: ConnectNodeExchange | undefined;

  /** Called by a connection for each request: the exchange that the request belongs to, if that is known. */
  claim(): ConnectNodeExchange | undefined {
    const exchange = this.#opening;
    this.#opening = undefined;
    return exchange;
  }

  /**
   * Runs a call. What fails it without a response and without a fact from its connection came from the client itself:
   * a message that cannot be serialised or is too large, input that breaks. It would come with any server.
   */
  run<T>(send: () => Promise<T>, { call, signal, timeoutMs }: RunningCall): Promise<T> {
    const exchange = new ConnectNodeExchange(call);
    this.#opening = exchange;
    const response = send();
    this.#opening = undefined;
    return response.catch((error) => {
      const isOfCaller = signal?.aborted || (timeoutMs !== undefined && isDeadlineExceeded(error));
      if (!isOfCaller) recordCause(error, exchange);
      recordSight(error, exchange.sight);
      throw error;
    });
  }

  /** The same for calls that interceptors hold up before they reach connect-node: the innermost of them. */
  readonly interceptor: Interceptor = (next) => (request) =>
    // Its signal is that of the call and of its time limit.
    this.run(() => next(request), { call: linkOf(request.contextValues)?.call, signal: request.signal });
}

/** What may end a call from the caller's side. */
interface RunningCall {
  readonly call: CallUnderWay | undefined;
  readonly signal: AbortSignal | undefined;
  /** Kept by connect-node, whose error is all that tells when it has passed. */
  readonly timeoutMs?: number | undefined;
}

function isDeadlineExceeded(error: unknown): boolean {
  return error instanceof ConnectError && error.code === Code.DeadlineExceeded;
}
