import type { Transport } from "@connectrpc/connect";
import type { ConnectOptions, TlsOptions } from "../config/wire-options.ts";
import type { Endpoint } from "../endpoint.ts";

/** The transport of one endpoint: it sends each call as it is told, to that endpoint only, without retries or default deadlines. */
export interface EndpointTransport extends Transport {
  /**
   * Makes sure that there is a connection a call can be sent on. Returns `undefined` when there is, which is the warm
   * case and must be cheap; a promise while one is being made or checked. A rejection means that nothing was sent.
   * The promise must not hold the process: the waiting call does. Without this method a call connects by itself, and
   * what fails before anything was sent is told by `EndpointContext.markNotSent`.
   *
   * @param now the runtime's clock, in milliseconds.
   * @param waiting the call that waits. Node cannot unref a TCP connect that is under way, so its signal is how a
   * connect that nobody waits for is ended before its time limit. Each rejection is an error object of its own.
   */
  connect?(now: number, waiting?: Waiting): Promise<void> | undefined;
  /** The endpoint is no longer needed: running calls finish, idle connections close. */
  close?(): void;
}

/** A call that needs a connection. */
export interface Waiting {
  /** It may be sent again although it may have been processed: so it need not wait until a connection is verified. */
  readonly repeatable: boolean;
  /** Aborts when it no longer does. To be read only by who needs it: a warm call makes none. */
  readonly signal: AbortSignal;
}

/** What a factory needs to build the transport of an endpoint. */
export interface EndpointContext {
  /** `http(s)://<verified name>:<port><path prefix>`; the host is a name to send and verify, not to look up. */
  readonly baseUrl: string;
  /** The name in the server's certificate, in SNI, and in `:authority`. */
  readonly verifiedName: string;
  /** `false` for cleartext. */
  readonly tls: TlsOptions | false;
  /** Limit for one connection attempt, TCP and TLS together. */
  readonly connectTimeoutMs: number;
  /** Tells that the call which fails with this error (or with an error caused by it) never reached the network. */
  markNotSent(error: unknown): void;
  /**
   * Whether a request of this URL path would be sent again if it were given up now.
   *
   * @param besides so many others are given up at the same time.
   */
  mayRepeat(path: string, besides: number): boolean;
  /** Connect's own options, to be passed on. */
  readonly connect: ConnectOptions;
}

/** Builds the transport of an endpoint, on the endpoint's first use. */
export type EndpointTransportFactory = (endpoint: Endpoint, context: EndpointContext) => EndpointTransport;
