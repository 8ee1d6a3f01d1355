import type { DescMessage, DescMethodStreaming, DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf";
import type { ContextValues, StreamResponse, Transport, UnaryResponse } from "@connectrpc/connect";
import type { Endpoint } from "../endpoint.ts";
import type { ConnectOptions } from "../net/connect-options.ts";
import type { TlsOptions } from "../net/tls-options.ts";

/** The transport of one endpoint: it sends each call as it is told, to that endpoint only, without retries or default deadlines. */
export interface EndpointTransport extends Transport {
  /**
   * Makes sure that there is a connection a call can be sent on. Returns `undefined` when there is, which is the warm
   * case and must be cheap; a promise while one is being made or checked. A rejection means that nothing was sent.
   * The promise must not hold the process: the waiting call does. Without this method a call connects by itself, and
   * what fails before anything was sent is told by `EndpointContext.markNotSent`.
   *
   * @param now the runtime's clock, in milliseconds.
   * @param request the call that waits. Node cannot unref a TCP connect that is under way, so its signal is how a
   * connect that nobody waits for is ended before its time limit. Each rejection is an error object of its own.
   */
  connect?(now: number, request?: ConnectRequest): Promise<void> | undefined;
  /**
   * Its connections carry as many calls as the server allows. A call that is picked for it goes to another endpoint that
   * has room, if there is one; else it waits. Default: never.
   */
  readonly isFull?: boolean;
  /** The address that it connected to last; for reports. Default: the endpoint's. */
  readonly address?: string | undefined;
  /** The endpoint is no longer needed: running calls finish, idle connections close. */
  close?(): void;
}

/**
 * One that notifies a call of the connection that carries it, so that a call that is safe to retry can be sent elsewhere
 * while its connection is silent. Those of the presets do; any other does not look at the last argument.
 */
export interface CarryingTransport extends EndpointTransport {
  unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: HeadersInit | undefined,
    input: MessageInitShape<I>,
    contextValues?: ContextValues,
    call?: CallUnderWay,
  ): Promise<UnaryResponse<I, O>>;
  stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodStreaming<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: HeadersInit | undefined,
    input: AsyncIterable<MessageInitShape<I>>,
    contextValues?: ContextValues,
    call?: CallUnderWay,
  ): Promise<StreamResponse<I, O>>;
}

/** A call that needs a connection. */
export interface ConnectRequest {
  /** True if the call is safe to retry; it may then be sent while the connection is still being verified. */
  readonly canRetry: boolean;
  /** It has nowhere else to go, so a connect goes on beyond its usual limit. May change while it waits. Default false. */
  readonly isPatient?: boolean;
  /** Aborts when the call stops waiting. Created on first access; do not read it on a warm connection. */
  readonly signal: AbortSignal;
}

/** A call, as the connection that carries it sees it. */
export interface CallUnderWay {
  /** It is on its way. */
  carriedBy(carrier: Carrier): void;
  /**
   * The connection gives no sign of life. What is on it may still be answered, so it is not given up; but who can may
   * ask elsewhere as well.
   *
   * @param isFirst of the calls on the connection, so that it counts once.
   */
  onSuspect(isFirst: boolean): void;
  /** The response headers have come; not good: they say that it failed. */
  onResponse(isGood: boolean): void;
}

/** What carries a call. */
export interface Carrier {
  /** The call is no longer wanted: it fails with this error. */
  takeBack(reason: Error): void;
}

/** Notified of the connections to endpoints; must not throw. */
export interface ConnectionListener {
  /** @param address that it leads to: the endpoint's, or its other one. */
  opened(endpoint: Endpoint, address: string, durationMs: number): void;
  closed(endpoint: Endpoint, reason: ConnectionEnd): void;
}

/** Why a connection has ended. */
export type ConnectionEnd =
  /** Nothing was sent or received on it for `connection.idleMs`. */
  | "idle"
  /** It was not to be used any longer: it reached `connection.maxAgeMs`, or its certificates were replaced. */
  | "replaced"
  /** The server said that it takes no more calls (GOAWAY). */
  | "goaway"
  /** Its stream IDs are nearly used up, or the resets that the server allows on it. */
  | "used-up"
  /** Its server gave no sign of life. */
  | "silent"
  /** It was closed or reset by the server, or by something on the way. */
  | "lost"
  /** The endpoint has left the answer, or the transport was closed. */
  | "closed";

/** What a factory needs to build the transport of an endpoint. */
export interface EndpointContext {
  /** `http(s)://<verified name>:<port><path prefix>`; the host is a name to send and verify, not to look up. */
  readonly baseUrl: string;
  /** The name in the server's certificate, in SNI, and in `:authority`. */
  readonly verifiedName: string;
  /** `false` for cleartext. Paths (`file:`) are as the user wrote them: reading the files, again when they change, is the factory's. */
  readonly tls: TlsOptions | false;
  /** How long a connect, TCP and TLS together, may hold up a call that could go to another endpoint. */
  readonly connectTimeoutMs: number;
  /** Tells that the call which fails with this error (or with an error caused by it) never reached the network. */
  markNotSent(error: unknown): void;
  /** The endpoint's other address (`Endpoint.alternateAddress`), as the source says it now: it may change. */
  alternateAddress(): string | undefined;
  /** Whether another endpoint would take a call that cannot connect to this one in time. */
  hasAlternative(): boolean;
  /** Connect's own options, to be passed on. */
  readonly connect: ConnectOptions;
}

/** Builds the transport of an endpoint, on the endpoint's first use. */
export type EndpointTransportFactory = (endpoint: Endpoint, context: EndpointContext) => EndpointTransport;
