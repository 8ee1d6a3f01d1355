import type { ClientHttp2Stream } from "node:http2";
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { linkOf } from "../pool/attempt-link.ts";
import type { CallUnderWay, Carrier } from "../pool/endpoint-transport.ts";
import { recordSight, type Sight } from "../resilience/connection-hints.ts";
import { causesOf, factAmong, recordFact } from "../resilience/failure-facts.ts";
import { cancelStream } from "./http2-failure.ts";

/** A request on its way through connect-node, between its call and the connection that carries it. */
export class Exchange implements Carrier {
  /** Undefined where the request's call is not known. */
  readonly call: CallUnderWay | undefined;
  /** It was sent while a PING asked whether the server is still there. */
  isDoubted = false;
  /** The response headers have come. */
  hasResponse = false;
  /** They may be another program's: the connection has never had an answer of a Connect or gRPC handler. */
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

  takeBack(reason: Error): void {
    this.#takenBack = reason;
    if (this.#stream !== undefined) cancelStream(this.#stream, reason);
  }
}

/** Which connections have had an answer of a Connect or gRPC handler. Those belong to one, behind a proxy or not. */
export class Handlers {
  readonly #known = new WeakSet<object>();
  /** There has been one. */
  areKnown = false;

  /** Notes the response headers that have come for a request. */
  answered(exchange: Exchange | undefined, connection: object, header: ResponseHeader): void {
    const { ":status": status, "content-type": type, "grpc-status": grpcStatus } = header;
    const isHandlers = status === 200 && isFromHandler(type);
    if (isHandlers) {
      this.#known.add(connection);
      this.areKnown = true;
    }
    if (exchange === undefined) return;
    exchange.hasResponse = true;
    exchange.isForeign = status !== undefined && NOT_HERE.has(status) && !this.#known.has(connection);
    // An error in the headers: gRPC's "trailers-only", or an HTTP status.
    exchange.call?.onResponse(isHandlers && (grpcStatus === undefined || grpcStatus === "0"));
  }
}

/** The headers of a response, as `node:http2` gives them. */
export interface ResponseHeader {
  readonly ":status"?: number | undefined;
  readonly "content-type"?: string | undefined;
  readonly "grpc-status"?: string | string[] | undefined;
}

/** @param type the content type of a response. */
export function isFromHandler(type: unknown): boolean {
  return /^application\/(grpc|connect|proto|json)/.test(String(type));
}

/** What another program answers, at an address that a server has left. */
const NOT_HERE: ReadonlySet<number> = new Set([401, 403, 404]);

/**
 * Joins a call of connect-node's transport with the request that it opens on a connection. connect-node gives the one no
 * handle on the other; but it opens the request before its first `await`.
 */
export class Exchanges {
  #opening: Exchange | undefined;
  #announced: CallUnderWay | undefined;

  /** The call that is run next. */
  announce(call: CallUnderWay): void {
    this.#announced = call;
  }

  /** The call that was announced, for who runs it without an exchange of these. */
  takeAnnounced(): CallUnderWay | undefined {
    const call = this.#announced;
    this.#announced = undefined;
    return call;
  }

  /** Called by a connection for each request: the exchange that the request belongs to, if that is known. */
  claim(): Exchange | undefined {
    const exchange = this.#opening;
    this.#opening = undefined;
    return exchange;
  }

  /**
   * Runs a call. What fails it without a response and without a fact from its connection came from the client itself:
   * a message that cannot be serialised or is too large, input that breaks. It would come with any server.
   */
  run<T>(send: () => Promise<T>, call = this.#announced): Promise<T> {
    this.#announced = undefined;
    const exchange = new Exchange(call);
    this.#opening = exchange;
    const response = send();
    this.#opening = undefined;
    return response.catch((error) => {
      const isKnown = isOver(error) || factAmong(causesOf(error)) !== undefined;
      if (!isKnown && !exchange.hasResponse) recordFact(error, "unsendable");
      if (!isKnown && exchange.isForeign && !isWireError(error)) recordFact(error, "foreign");
      recordSight(error, exchange.sight);
      throw error;
    });
  }

  /** The same for calls that interceptors hold up before they reach connect-node: the innermost of them. */
  readonly interceptor: Interceptor = (next) => (request) =>
    this.run(() => next(request), linkOf(request.contextValues)?.call);
}

function isWireError(error: unknown): boolean {
  return error instanceof ConnectError && error.isWireError;
}

/** A deadline or an abort ended it. */
function isOver(error: unknown): boolean {
  return error instanceof ConnectError && (error.code === Code.DeadlineExceeded || error.code === Code.Canceled);
}
