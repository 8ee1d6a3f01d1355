import type { ClientHttp2Stream, ClientSessionRequestOptions, OutgoingHttpHeaders } from "node:http2";
import type { DescMessage, DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, createContextValues, type Interceptor, type UnaryResponse } from "@connectrpc/connect";
import { createMethodUrl, validateReadWriteMaxBytes } from "@connectrpc/connect/protocol";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";
import { linkOf, tellTimeLeft } from "../../endpoints/attempt-link.ts";
import type { CallUnderWay, CarryingTransport } from "../../endpoints/endpoint-transport.ts";
import { abortedBy } from "../../errors.ts";
import { intercept } from "../../interceptor-chain.ts";
import type { ConnectOptions } from "../../net/connect-options.ts";
import { checkedFields } from "../../net/header-fields.ts";
import { type Clock, elapsedMs, type Runtime } from "../../runtime.ts";
import type { Exchange } from "../exchange.ts";
import { connectMethod } from "./connect.ts";
import { grpcMethod } from "./grpc.ts";
import { toHeaders } from "./metadata.ts";
import { errorOfStream } from "./stream-errors.ts";
import { UnaryCall } from "./unary-call.ts";
import type { StreamRequest, UnaryMethod, UnaryOptions } from "./unary-method.ts";

/** An endpoint, as unary calls need it. */
export interface UnaryEndpoint {
  /** Scheme, host and path prefix, as interceptors see them. */
  readonly baseUrl: string;
  readonly connections: UnaryConnections;
}

/** The connections to an endpoint. */
export interface UnaryConnections {
  /** The origin that requests go to. */
  readonly authority: string;
  /** At once where there is a connection. Throws or rejects where the request was not sent. */
  open(
    request: StreamRequest,
    options: ClientSessionRequestOptions,
    exchange: Exchange,
  ): ClientHttp2Stream | Promise<ClientHttp2Stream>;
}

export interface UnaryClientOptions {
  readonly protocol: "connect" | "grpc";
  readonly connect: ConnectOptions;
  /** Run round each call. */
  readonly interceptors: readonly Interceptor[];
  readonly clock: Clock;
  readonly sleep: Runtime["sleep"];
}

/** Unary calls over HTTP/2, straight on `node:http2`: what is common to all endpoints of a transport. */
export class UnaryClient {
  readonly #options: UnaryClientOptions;
  readonly #wireOptions: UnaryOptions;
  readonly #methods = new Map<DescMethodUnary, UnaryMethod<DescMessage, DescMessage>>();

  /** @throws ConnectError for a limit that no message can keep. */
  constructor(options: UnaryClientOptions) {
    const { connect } = options;
    this.#options = options;
    this.#wireOptions = {
      useBinaryFormat: true,
      useHttpGet: false,
      acceptCompression: [compressionGzip, compressionBrotli],
      ...connect,
      ...validateReadWriteMaxBytes(connect.readMaxBytes, connect.writeMaxBytes, connect.compressMinBytes),
    };
  }

  /** `Transport.unary` over an endpoint's connections. */
  over(endpoint: UnaryEndpoint): CarryingTransport["unary"] {
    const { connections } = endpoint;
    const prefix = new URL(endpoint.baseUrl).pathname.replace(/\/$/, "");
    if (this.#options.interceptors.length > 0) return (...call) => this.#intercepted(endpoint, prefix, ...call);
    return (method, signal, timeoutMs, header, message, _contextValues, underWay) => {
      const wire = this.#methodOf(method);
      const limitMs = limitOf(timeoutMs);
      const headers = () => wire.headers(header, limitMs);
      const path = prefix + wire.path;
      const isBare = header === undefined;
      return send(connections, wire, { underWay, signal, limitMs, path, isBare, headers, message });
    };
  }

  /** Interceptors see the request as connect-node would show it: with the headers of the protocol. */
  #intercepted<I extends DescMessage, O extends DescMessage>(
    { baseUrl, connections }: UnaryEndpoint,
    prefix: string,
    method: DescMethodUnary<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: HeadersInit | undefined,
    message: MessageInitShape<I>,
    contextValues = createContextValues(),
    underWay?: CallUnderWay,
  ): Promise<UnaryResponse<I, O>> {
    const { interceptors, clock } = this.#options;
    const wire = this.#methodOf(method);
    const limitMs = limitOf(timeoutMs);
    const startedAt = clock.now();
    const url = createMethodUrl(baseUrl, method);
    const given = {
      ...{ method, url, message, contextValues, signal },
      timeoutMs: limitMs,
      header: () => toHeaders(wire.headers(header, limitMs)),
    };
    return intercept(interceptors, given, this.#options, async (passed) => {
      // An interceptor took the call's last time: nothing is sent any more.
      if (passed.signal?.aborted) throw passed.signal.reason;
      const { request } = passed;
      const link = linkOf(request.contextValues);
      const leftMs = link === undefined ? leftOf(limitMs, elapsedMs(startedAt, clock.now())) : link.enter();
      const outgoing: Outgoing<I> = {
        underWay,
        signal: passed.signal,
        limitMs: leftMs,
        path: request.url === url ? prefix + wire.path : pathOf(request.url, connections.authority),
        isBare: (passed.header ?? header) === undefined,
        headers() {
          if (passed.header === undefined) return wire.headers(header, leftMs);
          tellTimeLeft(passed.header, leftMs);
          return { ...checkedFields(passed.header) };
        },
        message: request.message as MessageInitShape<I>,
      };
      try {
        const response = await send(connections, wire, outgoing);
        link?.succeeded();
        return response;
      } catch (error) {
        link?.failed(error);
        throw error;
      }
    });
  }

  #methodOf<I extends DescMessage, O extends DescMessage>(method: DescMethodUnary<I, O>): UnaryMethod<I, O> {
    let wire = this.#methods.get(method) as UnaryMethod<I, O> | undefined;
    if (wire === undefined) {
      wire = (this.#options.protocol === "grpc" ? grpcMethod : connectMethod)(method, this.#wireOptions);
      this.#methods.set(method, wire as unknown as UnaryMethod<DescMessage, DescMessage>);
    }
    return wire;
  }
}

/** As in Connect: 0 and below is no limit. */
function limitOf(timeoutMs: number | undefined): number | undefined {
  return timeoutMs === undefined || timeoutMs <= 0 ? undefined : timeoutMs;
}

function leftOf(limitMs: number | undefined, passedMs: number): number | undefined {
  return limitMs === undefined ? undefined : Math.max(1, limitMs - Math.floor(passedMs));
}

/** @param url of a request that an interceptor has sent elsewhere: to another path of the same server. */
function pathOf(url: string, authority: string): string {
  const { origin, pathname, search } = new URL(url);
  if (origin === authority) return pathname + search;
  throw new ConnectError(`an interceptor cannot send a request to another server: ${origin}`, Code.Internal);
}

/** A call on its way out. */
interface Outgoing<I extends DescMessage> {
  /** What is notified of its fate. */
  readonly underWay: CallUnderWay | undefined;
  readonly signal: AbortSignal | undefined;
  readonly limitMs: number | undefined;
  readonly path: string;
  readonly message: MessageInitShape<I>;
  /** It has no headers of the caller's. */
  readonly isBare: boolean;
  headers(): OutgoingHttpHeaders;
}

function send<I extends DescMessage, O extends DescMessage>(
  connections: UnaryConnections,
  wire: UnaryMethod<I, O>,
  { underWay, signal, limitMs, path, isBare, headers, message }: Outgoing<I>,
): Promise<UnaryResponse<I, O>> {
  if (signal?.aborted) return Promise.reject(abortedBy(signal));
  const call = new UnaryCall(underWay, wire.reader(), signal);
  const response = call.run(limitMs);
  try {
    const request = wire.request(message, path, headers(), isBare);
    if (request instanceof Promise) request.then((late) => open(connections, late, call), call.fail);
    else open(connections, request, call);
  } catch (error) {
    call.fail(error);
  }
  return response;
}

function open<I extends DescMessage, O extends DescMessage>(
  connections: UnaryConnections,
  request: StreamRequest,
  call: UnaryCall<I, O>,
): void {
  if (call.isOver) return;
  try {
    const stream = connections.open(request, { endStream: request.body === undefined }, call);
    if (stream instanceof Promise) {
      stream.then(
        (late) => call.send(late, request.body),
        (error) => call.fail(errorOfStream(error)),
      );
    } else call.send(stream, request.body);
  } catch (error) {
    call.fail(errorOfStream(error));
  }
}
