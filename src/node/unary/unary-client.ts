import type { ClientHttp2Stream, ClientSessionRequestOptions } from "node:http2";
import { create, type DescMessage, type DescMethodUnary, type MessageInitShape } from "@bufbuild/protobuf";
import type { Transport, UnaryResponse } from "@connectrpc/connect";
import { validateReadWriteMaxBytes } from "@connectrpc/connect/protocol";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";
import { abortedBy } from "../../errors.ts";
import type { ConnectOptions } from "../../net/wire-options.ts";
import type { CallUnderWay } from "../../pool/endpoint-transport.ts";
import { Exchange, type Exchanges } from "../exchange.ts";
import { connectMethod } from "./connect.ts";
import { grpcMethod } from "./grpc.ts";
import { errorOfStream } from "./stream-errors.ts";
import { UnaryCall } from "./unary-call.ts";
import type { UnaryMethod, UnaryOptions, UnaryRequest } from "./unary-method.ts";

/** The connections to an endpoint. */
export interface UnaryConnections {
  /** At once where there is a connection. Rejects where the request was not sent. */
  open(
    request: UnaryRequest,
    options: ClientSessionRequestOptions,
    exchange: Exchange,
  ): ClientHttp2Stream | Promise<ClientHttp2Stream>;
}

/** Unary calls over HTTP/2, straight on `node:http2`: what is common to all endpoints of a transport. */
export class UnaryClient {
  readonly #options: UnaryOptions;
  readonly #protocol: "connect" | "grpc";
  readonly #methods = new Map<DescMethodUnary, UnaryMethod<DescMessage, DescMessage>>();

  /** @throws ConnectError for a limit that no message can keep. */
  constructor(protocol: "connect" | "grpc", pathPrefix: string, options: ConnectOptions) {
    const { readMaxBytes, writeMaxBytes, compressMinBytes } = options;
    this.#protocol = protocol;
    this.#options = {
      useBinaryFormat: true,
      useHttpGet: false,
      acceptCompression: [compressionGzip, compressionBrotli],
      ...options,
      ...validateReadWriteMaxBytes(readMaxBytes, writeMaxBytes, compressMinBytes),
      pathPrefix,
    };
  }

  /** `Transport.unary` over an endpoint's connections. */
  over(connections: UnaryConnections, exchanges: Exchanges): Transport["unary"] {
    return (method, signal, timeoutMs, header, input) =>
      this.#unary(connections, exchanges.takeAnnounced(), method, signal, timeoutMs, header, input);
  }

  /** @param underWay what is notified of the call's fate. */
  #unary<I extends DescMessage, O extends DescMessage>(
    connections: UnaryConnections,
    underWay: CallUnderWay | undefined,
    method: DescMethodUnary<I, O>,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
    header: HeadersInit | undefined,
    input: MessageInitShape<I>,
  ): Promise<UnaryResponse<I, O>> {
    if (signal?.aborted) return Promise.reject(abortedBy(signal));
    const wire = this.#methodOf(method);
    const exchange = new Exchange(underWay);
    const call = new UnaryCall(exchange, wire.reader(), signal);
    const limit = timeoutMs === undefined || timeoutMs <= 0 ? undefined : timeoutMs;
    const response = call.run(limit);
    try {
      const request = wire.request(create(method.input, input), header, limit);
      if (request instanceof Promise) request.then((late) => open(connections, late, exchange, call), call.fail);
      else open(connections, request, exchange, call);
    } catch (error) {
      call.fail(error);
    }
    return response as Promise<UnaryResponse<I, O>>;
  }

  #methodOf<I extends DescMessage, O extends DescMessage>(method: DescMethodUnary<I, O>): UnaryMethod<I, O> {
    let wire = this.#methods.get(method) as UnaryMethod<I, O> | undefined;
    if (wire === undefined) {
      wire = (this.#protocol === "grpc" ? grpcMethod : connectMethod)(method, this.#options);
      this.#methods.set(method, wire as unknown as UnaryMethod<DescMessage, DescMessage>);
    }
    return wire;
  }
}

function open<O extends DescMessage>(
  connections: UnaryConnections,
  request: UnaryRequest,
  exchange: Exchange,
  call: UnaryCall<O>,
): void {
  if (call.isOver) return;
  try {
    const stream = connections.open(request, { endStream: request.body === undefined }, exchange);
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
