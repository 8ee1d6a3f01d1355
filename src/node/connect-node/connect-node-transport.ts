import type { Agent } from "node:http";
import type { Interceptor, Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
  type GrpcTransportOptions,
} from "@connectrpc/connect-node";
import { transportBorder } from "../../endpoints/attempt-link.ts";
import type { CarryingTransport } from "../../endpoints/endpoint-transport.ts";
import type { ConnectOptions } from "../../net/connect-options.ts";
import { Http2Sessions } from "../http2/http2-sessions.ts";
import { USER_AGENT } from "../unary/user-agent.ts";
import { ConnectNodeExchange, type ConnectNodeExchanges } from "./connect-node-exchanges.ts";
import { getOrPost } from "./get-or-post.ts";

/** What connect-node wants of HTTP/2 connections; it exports the type under no name. */
type SessionManager = NonNullable<GrpcTransportOptions["sessionManager"]>;

/** Makes calls, and notifies them of the connections that carry them. */
export type Calls = Pick<CarryingTransport, "unary" | "stream">;

export interface ConnectNodeOptions {
  readonly protocol: "connect" | "grpc" | "grpc-web";
  readonly baseUrl: string;
  readonly connect: ConnectOptions;
  /** The user's, run once per attempt. */
  readonly interceptors: readonly Interceptor[];
  readonly exchanges: ConnectNodeExchanges;
  /** The connections: of HTTP/2, or of HTTP/1.1. */
  readonly over: Http2Sessions | Agent;
}

/**
 * connect-node's transport over connections of our own: for streams, HTTP/1.1 and gRPC-web. Made with the first call
 * that needs it.
 */
export function connectNodeTransport(options: ConnectNodeOptions): Calls {
  const { protocol, baseUrl, connect, exchanges, interceptors } = options;
  const isIntercepted = interceptors.length > 0;
  const all = isIntercepted ? [...interceptors, transportBorder, exchanges.interceptor] : [];
  let made: Transport | undefined;
  const transport = (): Transport => {
    made ??= getOrPost(baseUrl, connect, (own) => create(options, { ...own, baseUrl, interceptors: all }));
    return made;
  };
  const run: ConnectNodeExchanges["run"] = (send, call) => (isIntercepted ? send() : exchanges.run(send, call));
  // Connect compresses a unary request before it opens it, which leaves nothing to join the two by.
  const isJoined = connect.sendCompression === undefined;
  return {
    unary(method, signal, timeoutMs, header, input, contextValues, call) {
      const send = async () =>
        transport().unary(method, signal, timeoutMs, withUserAgent(header, protocol), input, contextValues);
      return isJoined ? run(send, { call, signal, timeoutMs }) : send();
    },
    stream(method, signal, timeoutMs, header, input, contextValues, call) {
      const send = async () =>
        transport().stream(method, signal, timeoutMs, withUserAgent(header, protocol), input, contextValues);
      return run(send, { call, signal, timeoutMs });
    },
  };
}

/** Ours in place of Connect's; a caller's own stands. gRPC-web knows it under two names. */
function withUserAgent(header: HeadersInit | undefined, protocol: ConnectNodeOptions["protocol"]): Headers {
  const headers = new Headers(header);
  const isNamed = headers.has("user-agent") || (protocol === "grpc-web" && headers.has("x-user-agent"));
  if (!isNamed) headers.set("user-agent", USER_AGENT);
  return headers;
}

function create({ protocol, over, exchanges }: ConnectNodeOptions, common: ConnectOptions & Common): Transport {
  const createTransport = protocol === "grpc-web" ? createGrpcWebTransport : createConnectTransport;
  if (!(over instanceof Http2Sessions)) {
    return createTransport({ ...common, httpVersion: "1.1", nodeOptions: { agent: over } });
  }
  const sessionManager = sessionManagerOf(over, exchanges);
  if (protocol === "grpc") return createGrpcTransport({ ...common, sessionManager });
  return createTransport({ ...common, httpVersion: "2", sessionManager });
}

function sessionManagerOf(connections: Http2Sessions, exchanges: ConnectNodeExchanges): SessionManager {
  return {
    authority: connections.authority,
    // connect-node opens a request before its first `await`: so it is that of the call that runs.
    async request(httpMethod, path, headers, options) {
      const exchange = exchanges.claim() ?? new ConnectNodeExchange(undefined);
      return connections.open({ httpMethod, path, headers, isBare: false }, options, exchange);
    },
    // Bytes are noticed when they come, not when they are read.
    notifyResponseByteRead() {},
  };
}

interface Common {
  readonly baseUrl: string;
  readonly interceptors: Interceptor[];
}
