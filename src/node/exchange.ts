import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { causesOf, factAmong, recordFact } from "../resilience/failure-facts.ts";

/** A request on its way through connect-node. */
export interface Exchange {
  /** The response headers have come. */
  hasResponse: boolean;
  /** They may be another program's: the connection has never had an answer of a Connect or gRPC handler. */
  isForeign: boolean;
}

/** Which connections have had an answer of a Connect or gRPC handler. Those belong to one, behind a proxy or not. */
export class Handlers {
  readonly #known = new WeakSet<object>();

  /** Notes the response headers that have come for a request. */
  answered(exchange: Exchange | undefined, connection: object, status: number | undefined, type: unknown): void {
    if (status === 200 && isFromHandler(type)) this.#known.add(connection);
    if (exchange === undefined) return;
    exchange.hasResponse = true;
    exchange.isForeign = status !== undefined && NOT_HERE.has(status) && !this.#known.has(connection);
  }
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
  run<T>(call: () => Promise<T>): Promise<T> {
    const exchange: Exchange = { hasResponse: false, isForeign: false };
    this.#opening = exchange;
    const response = call();
    this.#opening = undefined;
    return response.catch((error) => {
      const isKnown = isOver(error) || factAmong(causesOf(error)) !== undefined;
      if (!isKnown && !exchange.hasResponse) recordFact(error, "unsendable");
      if (!isKnown && exchange.isForeign && !isWireError(error)) recordFact(error, "foreign");
      throw error;
    });
  }

  /** The same for calls that interceptors hold up before they reach connect-node: the innermost of them. */
  readonly interceptor: Interceptor = (next) => (request) => this.run(() => next(request));
}

function isWireError(error: unknown): boolean {
  return error instanceof ConnectError && error.isWireError;
}

/** A deadline or an abort ended it. */
function isOver(error: unknown): boolean {
  return error instanceof ConnectError && (error.code === Code.DeadlineExceeded || error.code === Code.Canceled);
}
