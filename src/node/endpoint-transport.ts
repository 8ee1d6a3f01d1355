import type { Interceptor, Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import type { Endpoint } from "../endpoint.ts";
import { transportBorder } from "../pool/attempt-link.ts";
import type { EndpointContext, EndpointTransport, EndpointTransportFactory } from "../pool/endpoint-transport.ts";
import type { Clock } from "../runtime.ts";
import type { Destination } from "./address.ts";
import { createHttp1Agent } from "./http1-agent.ts";
import { Http2Sessions } from "./http2-session.ts";
import { SilentGap } from "./silent-gap.ts";

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
}

/** connect-node's transports, over connections of our own. */
export function createNodeEndpointTransports(options: NodeEndpointTransportsOptions): EndpointTransportFactory {
  const { protocol, httpVersion, idleMs, maxAgeMs, clock } = options;
  const interceptors = options.interceptors.length === 0 ? [] : [...options.interceptors, transportBorder];
  // connect-node would use HTTP/2 all the same, and the user would look for the fault elsewhere.
  if (protocol === "grpc" && httpVersion === "1.1") throw new TypeError("gRPC needs HTTP/2: use gRPC-web or Connect");
  const silentGap = new SilentGap();

  return (endpoint: Endpoint, context: EndpointContext): EndpointTransport => {
    const { baseUrl, connectTimeoutMs, tls, verifiedName } = context;
    const destination: Destination = { address: endpoint.address, port: endpoint.port, verifiedName, tls };
    const connection = { baseUrl, destination, connectTimeoutMs, idleMs, maxAgeMs, clock };
    const common = { ...context.connect, baseUrl, interceptors };

    if (httpVersion === "1.1") {
      const connections = createHttp1Agent(connection);
      const create = protocol === "grpc-web" ? createGrpcWebTransport : createConnectTransport;
      const transport = create({ ...common, httpVersion, nodeOptions: { agent: connections.agent } });
      return endpointTransport(transport, connections);
    }
    const { verifyAfterMs, random } = options;
    const mayRepeat = (path: string, besides: number): boolean => context.mayRepeat(path, besides);
    const sessionManager = new Http2Sessions({ ...connection, verifyAfterMs, random, silentGap, mayRepeat });
    if (protocol === "grpc") {
      return endpointTransport(createGrpcTransport({ ...common, sessionManager }), sessionManager);
    }
    const create = protocol === "grpc-web" ? createGrpcWebTransport : createConnectTransport;
    return endpointTransport(create({ ...common, httpVersion, sessionManager }), sessionManager);
  };
}

type Connections = Required<Pick<EndpointTransport, "connect" | "close">>;

function endpointTransport(transport: Transport, connections: Connections): EndpointTransport {
  return {
    unary: transport.unary,
    stream: transport.stream,
    connect: (now, waiting) => connections.connect(now, waiting),
    close: () => connections.close(),
  };
}
