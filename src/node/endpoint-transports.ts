import type { Interceptor } from "@connectrpc/connect";
import type { Endpoint } from "../endpoint.ts";
import type {
  CarryingTransport,
  ConnectionEnd,
  ConnectionListener,
  EndpointContext,
  EndpointTransportFactory,
} from "../endpoints/endpoint-transport.ts";
import type { TlsFilesListener } from "../net/tls-files-change.ts";
import type { Clock, Runtime } from "../runtime.ts";
import { ConnectNodeExchanges } from "./connect-node/connect-node-exchanges.ts";
import { connectNodeTransport } from "./connect-node/connect-node-transport.ts";
import { Handlers } from "./exchange.ts";
import { createHttp1Agent } from "./http1/http1-agent.ts";
import { Http2Sessions } from "./http2/http2-sessions.ts";
import { SilentGap } from "./http2/silent-gap.ts";
import { loadEarly } from "./load-early.ts";
import type { Destination } from "./net/open-socket.ts";
import { changingTlsOf } from "./net/tls-context.ts";
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
  readonly sleep: Runtime["sleep"];
  /** Notified of certificates that were replaced on disk. */
  readonly onTlsFiles?: TlsFilesListener;
  readonly onConnections?: ConnectionListener;
}

/**
 * The transports of endpoints: connections of our own, and the calls that go over them. Unary calls over HTTP/2 go
 * straight on those; connect-node does what they do not: streams, HTTP/1.1, gRPC-web.
 */
export function createNodeEndpointTransports(options: NodeEndpointTransportsOptions): EndpointTransportFactory {
  const { protocol, httpVersion, interceptors, verifyAfterMs, clock, sleep } = options;
  // connect-node would use HTTP/2 all the same, and the user would look for the fault elsewhere.
  if (protocol === "grpc" && httpVersion === "1.1") throw new TypeError("gRPC needs HTTP/2: use gRPC-web or Connect");
  loadEarly("node:net", httpVersion === "2" ? "node:http2" : "node:http");
  const silentGap = new SilentGap();
  let unaryClient: UnaryClient | undefined;

  return (endpoint: Endpoint, context: EndpointContext): CarryingTransport => {
    const { baseUrl, connect } = context;
    const exchanges = new ConnectNodeExchanges();
    const connection = connectionOptions(options, endpoint, context);
    const shared = { protocol, baseUrl, connect, interceptors, exchanges };
    if (httpVersion === "1.1") {
      const connections = createHttp1Agent({
        ...connection,
        exchanges,
        hasAlternative: () => context.hasAlternative(),
      });
      return Object.assign(connections, connectNodeTransport({ ...shared, over: connections.agent }));
    }
    const spacesPings = protocol === "grpc";
    const connections = new Http2Sessions({ ...connection, verifyAfterMs, silentGap, spacesPings });
    const byConnectNode = connectNodeTransport({ ...shared, over: connections });
    if (protocol === "grpc-web") return Object.assign(connections, byConnectNode);
    unaryClient ??= new UnaryClient({ protocol, connect, interceptors, clock, sleep });
    const unary = unaryClient.over({ baseUrl, connections });
    return Object.assign(connections, byConnectNode, { unary });
  };
}

function connectionOptions(
  { idleMs, maxAgeMs, clock, random, onTlsFiles, onConnections }: NodeEndpointTransportsOptions,
  endpoint: Endpoint,
  context: EndpointContext,
) {
  const { address, port } = endpoint;
  const { baseUrl, connectTimeoutMs, tls, verifiedName } = context;
  const alternateAddress = () => context.alternateAddress();
  const destination: Destination = { address, alternateAddress, port, verifiedName, tls };
  const observers = onConnections && {
    onOpened: (to: string, durationMs: number) => onConnections.opened(endpoint, to, durationMs),
    onClosed: (reason: ConnectionEnd) => onConnections.closed(endpoint, reason),
  };
  return {
    baseUrl,
    destination,
    changingTls: changingTlsOf(tls, onTlsFiles),
    handlers: new Handlers(),
    ...{ connectTimeoutMs, idleMs, maxAgeMs, clock, random },
    ...observers,
  };
}
