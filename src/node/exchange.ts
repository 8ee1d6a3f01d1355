import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { causesOf, factAmong, recordFact } from "../resilience/failure-facts.ts";

/** A request on its way through connect-node. */
export interface Exchange {
  /** The response headers have come. */
  hasResponse: boolean;
}

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
    const exchange: Exchange = { hasResponse: false };
    this.#opening = exchange;
    const response = call();
    this.#opening = undefined;
    return response.catch((error) => {
      if (!exchange.hasResponse && !isOver(error) && factAmong(causesOf(error)) === undefined) {
        recordFact(error, "unsendable");
      }
      throw error;
    });
  }

  /** The same for calls that interceptors hold up before they reach connect-node: the innermost of them. */
  readonly interceptor: Interceptor = (next) => (request) => this.run(() => next(request));
}

/** A deadline or an abort ended it. */
function isOver(error: unknown): boolean {
  return error instanceof ConnectError && (error.code === Code.DeadlineExceeded || error.code === Code.Canceled);
}
