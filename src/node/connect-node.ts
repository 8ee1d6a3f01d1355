import type { Agent } from "node:http";
import type { Interceptor, Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
  type GrpcTransportOptions,
} from "@connectrpc/connect-node";
import type { ConnectOptions } from "../net/wire-options.ts";
import { transportBorder } from "../pool/attempt-link.ts";
import type { Exchanges } from "./exchange.ts";
import { getOrPost } from "./get-or-post.ts";

/** What connect-node wants of HTTP/2 connections; it exports the type under no name. */
export type SessionManager = NonNullable<GrpcTransportOptions["sessionManager"]>;

export interface ConnectNodeOptions {
  readonly protocol: "connect" | "grpc" | "grpc-web";
  readonly baseUrl: string;
  readonly connect: ConnectOptions;
  /** The user's, run once per attempt. */
  readonly interceptors: readonly Interceptor[];
  readonly exchanges: Exchanges;
  /** The connections: of HTTP/2, or of HTTP/1.1. */
  readonly over: SessionManager | Agent;
}

/**
 * connect-node's transport over connections of our own: for streams, HTTP/1.1 and gRPC-web. Made with the first call
 * that needs it.
 */
export function connectNodeTransport(options: ConnectNodeOptions): Transport {
  const { baseUrl, connect, exchanges, interceptors } = options;
  const isIntercepted = interceptors.length > 0;
  const all = isIntercepted ? [...interceptors, transportBorder, exchanges.interceptor] : [];
  let made: Transport | undefined;
  const transport = (): Transport => {
    made ??= getOrPost(baseUrl, connect, (own) => create(options, { ...own, baseUrl, interceptors: all }));
    return made;
  };
  const run: Exchanges["run"] = (send) => (isIntercepted ? send() : exchanges.run(send));
  // Connect compresses a unary request before it opens it, which leaves nothing to join the two by.
  const isJoined = connect.sendCompression === undefined;
  return {
    unary(...call) {
      if (isJoined) return run(() => transport().unary(...call));
      exchanges.takeAnnounced();
      return transport().unary(...call);
    },
    stream: (...call) => run(() => transport().stream(...call)),
  };
}

function create({ protocol, over }: ConnectNodeOptions, common: ConnectOptions & Common): Transport {
  const isHttp2 = "authority" in over;
  if (protocol === "grpc") return createGrpcTransport({ ...common, ...(isHttp2 && { sessionManager: over }) });
  const createTransport = protocol === "grpc-web" ? createGrpcWebTransport : createConnectTransport;
  return isHttp2
    ? createTransport({ ...common, httpVersion: "2", sessionManager: over })
    : createTransport({ ...common, httpVersion: "1.1", nodeOptions: { agent: over } });
}

interface Common {
  readonly baseUrl: string;
  readonly interceptors: Interceptor[];
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
