import type { Interceptor, Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import type { Endpoint } from "../endpoint.ts";
import type { TlsFilesListener } from "../net/tls-files.ts";
import type { ConnectOptions } from "../net/wire-options.ts";
import { transportBorder } from "../pool/attempt-link.ts";
import type {
  ConnectionEnd,
  ConnectionListener,
  EndpointContext,
  EndpointTransport,
  EndpointTransportFactory,
} from "../pool/endpoint-transport.ts";
import type { Clock } from "../runtime.ts";
import type { Destination } from "./address.ts";
import { Exchanges, Handlers } from "./exchange.ts";
import { getOrPost } from "./get-or-post.ts";
import { createHttp1Agent } from "./http1-agent.ts";
import { Http2Sessions } from "./http2-session.ts";
import { SilentGap } from "./silent-gap.ts";
import { changingTlsOf } from "./tls-context.ts";
import { UnaryClient } from "./unary/unary-client.ts";

export interface NodeEndpointTransportsOptions {
  readonly protocol: "connect" | "grpc" | "grpc-web";
  readonly httpVersion: "2" | "1.1";
  /** Run in each call of an endpoint's transport: once per attempt. */
  readonly interceptors: Interceptor[];
  /** A connection unused for longer is replaced before the next call. */
  readonly idleMs: number;
  /** Of HTTP/2: one unused for longer is verified by PING. */
  readonly verifyAfterMs: number;
  /** A connection that is older is replaced; Infinity for no limit. */
  readonly maxAgeMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  /** Notified of certificates that were replaced on disk. */
  readonly onTlsFiles?: TlsFilesListener;
  readonly onConnections?: ConnectionListener;
}

/** connect-node's transports, over connections of our own. */
export function createNodeEndpointTransports(options: NodeEndpointTransportsOptions): EndpointTransportFactory {
  const { protocol, httpVersion, idleMs, maxAgeMs, clock, random } = options;
  // connect-node would use HTTP/2 all the same, and the user would look for the fault elsewhere.
  if (protocol === "grpc" && httpVersion === "1.1") throw new TypeError("gRPC needs HTTP/2: use gRPC-web or Connect");
  const silentGap = new SilentGap();
  let unaryClient: UnaryClient | undefined;

  return (endpoint: Endpoint, context: EndpointContext): EndpointTransport => {
    const { baseUrl, connectTimeoutMs, tls, verifiedName } = context;
    const { address, port } = endpoint;
    const alternateAddress = () => context.alternateAddress();
    const destination: Destination = { address, alternateAddress, port, verifiedName, tls };
    const exchanges = new Exchanges();
    const handlers = new Handlers();
    const changingTls = changingTlsOf(tls, options.onTlsFiles);
    const limits = { connectTimeoutMs, idleMs, maxAgeMs };
    const { onConnections } = options;
    const observers = onConnections && {
      onOpened: (to: string, durationMs: number) => onConnections.opened(endpoint, to, durationMs),
      onClosed: (reason: ConnectionEnd) => onConnections.closed(endpoint, reason),
    };
    const shared = { clock, random, exchanges, handlers, ...observers };
    const connection = { baseUrl, destination, changingTls, ...limits, ...shared };
    const hasAlternative = (): boolean => context.hasAlternative();
    const isIntercepted = options.interceptors.length > 0;
    const common = {
      baseUrl,
      interceptors: isIntercepted ? [...options.interceptors, transportBorder, exchanges.interceptor] : [],
    };

    // Connect compresses a unary request before it opens it, which leaves nothing to join the two by.
    const announced = isIntercepted || context.connect.sendCompression !== undefined ? undefined : exchanges;
    const byConnectNode = (open: (connect: ConnectOptions) => Transport): Transport => {
      const { unary, stream } = getOrPost(baseUrl, context.connect, open);
      if (announced === undefined) return { unary, stream };
      return {
        unary: (...call) => announced.run(() => unary(...call)),
        stream: (...call) => announced.run(() => stream(...call)),
      };
    };

    if (httpVersion === "1.1") {
      const connections = createHttp1Agent({ ...connection, hasAlternative });
      const create = protocol === "grpc-web" ? createGrpcWebTransport : createConnectTransport;
      const nodeOptions = { agent: connections.agent };
      const open = (connect: ConnectOptions) => create({ ...connect, ...common, httpVersion, nodeOptions });
      return endpointTransport(byConnectNode(open), connections, announced);
    }
    const { verifyAfterMs } = options;
    const spacesPings = protocol === "grpc";
    const sessionManager = new Http2Sessions({ ...connection, verifyAfterMs, silentGap, spacesPings });
    const open = (connect: ConnectOptions): Transport => {
      if (protocol === "grpc") return createGrpcTransport({ ...connect, ...common, sessionManager });
      const create = protocol === "grpc-web" ? createGrpcWebTransport : createConnectTransport;
      return create({ ...connect, ...common, httpVersion, sessionManager });
    };
    if (isIntercepted || protocol === "grpc-web") {
      return endpointTransport(byConnectNode(open), sessionManager, announced);
    }
    unaryClient ??= new UnaryClient(protocol, new URL(baseUrl).pathname.replace(/\/$/, ""), context.connect);
    const unary = unaryClient.over(sessionManager, exchanges);
    const { stream } = open(context.connect);
    return endpointTransport(
      { unary, stream: (...call) => exchanges.run(() => stream(...call)) },
      sessionManager,
      exchanges,
    );
  };
}

/** An error of connect-node's own copy of connect-es, which it throws for a limit that no message can keep. */
export function connectNodeError(): unknown {
  try {
    createConnectTransport({ baseUrl: "http://localhost", httpVersion: "1.1", readMaxBytes: 0 });
  } catch (error) {
    return error;
  }
  return undefined;
}

type Connections = Required<Pick<EndpointTransport, "connect" | "close" | "isFull">> &
  Pick<EndpointTransport, "address">;

function endpointTransport(
  transport: Transport,
  connections: Connections,
  exchanges: Exchanges | undefined,
): EndpointTransport {
  return {
    ...transport,
    ...(exchanges !== undefined && { announce: (call) => exchanges.announce(call) }),
    connect: (now, waiting) => connections.connect(now, waiting),
    close: () => connections.close(),
    get isFull() {
      return connections.isFull;
    },
    get address() {
      return connections.address;
    },
  };
}
