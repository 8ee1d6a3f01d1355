import * as http from "node:http";
import * as http2 from "node:http2";
import type { AddressInfo, Server, Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { type EchoCounters, echoRoutes } from "./echo-service.ts";

/** One request at the faulty server: what a fault can do to it. */
export interface FaultyRequest {
  /** HTTP/2's; its session is `stream.session`. */
  readonly stream: http2.ServerHttp2Stream | undefined;
  readonly socket: Socket;
  readonly request: http.IncomingMessage | http2.Http2ServerRequest;
  readonly response: http.ServerResponse | http2.Http2ServerResponse;
  /** Number of the request on this server, from 1. */
  readonly number: number;
  /** Answers it as a good server does. */
  answer(): void;
}

export interface FaultyServerOptions {
  readonly httpVersion: "2" | "1.1";
  /** What happens to a connection before HTTP; true if nothing else is to happen to it. */
  onConnection?(socket: Socket): boolean;
  /** What happens to a request that has been read. Default: a good answer. */
  onRequest?(request: FaultyRequest): void;
  /** Concurrent streams that the server's first SETTINGS allow. Default: Node's. */
  readonly maxConcurrentStreams?: number;
  readonly tls?: { readonly cert: string; readonly key: string };
}

export interface FaultyServer extends Disposable {
  readonly port: number;
  /** Requests that have been read. */
  readonly requests: number;
  /** Handlers that ran, by the method's local name. */
  readonly executions: Readonly<Record<string, number>>;
  readonly connections: number;
}

/** A real server with EchoService behind it, which fails in the one way that a test names. */
export async function startFaultyServer(options: FaultyServerOptions): Promise<FaultyServer> {
  const counters: EchoCounters = { calls: {}, active: 0 };
  const adapter = connectNodeAdapter({ routes: echoRoutes("faulty", counters) });
  const sockets = new Set<Socket>();
  let requests = 0;
  let connections = 0;

  const handler = (
    request: http.IncomingMessage | http2.Http2ServerRequest,
    response: http.ServerResponse | http2.Http2ServerResponse,
  ): void => {
    requests += 1;
    const stream = "stream" in request ? request.stream : undefined;
    stream?.on("error", () => {});
    const answer = (): void => adapter(request as http2.Http2ServerRequest, response as http2.Http2ServerResponse);
    const { socket } = request;
    if (options.onRequest === undefined) answer();
    else options.onRequest({ stream, socket, request, response, number: requests, answer });
  };
  const { maxConcurrentStreams } = options;
  const settings = { ...(maxConcurrentStreams !== undefined && { maxConcurrentStreams }) };
  const inner: Server =
    options.httpVersion === "2" ? http2.createServer({ settings }, handler) : http.createServer(handler);
  inner.on("session", (session: http2.ServerHttp2Session) => session.on("error", () => {}));
  inner.on("sessionError", () => {});
  // TLS in front, so that a fault can be put before it, within it and behind it.
  const server =
    options.tls === undefined ? inner : createTlsServer({ ...options.tls, ALPNProtocols: ["h2", "http/1.1"] });
  if (server !== inner) {
    server.on("secureConnection", (socket: Socket) => inner.emit("connection", socket));
    server.on("tlsClientError", () => {});
  }
  const pass = server.listeners("connection") as ((socket: Socket) => void)[];
  server.removeAllListeners("connection");
  server.on("connection", (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    if (options.onConnection?.(socket) !== true) for (const listener of pass) listener.call(server, socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  return {
    port: (server.address() as AddressInfo).port,
    get requests() {
      return requests;
    },
    executions: counters.calls,
    get connections() {
      return connections;
    },
    [Symbol.dispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** The compat API's socket of HTTP/2 is a proxy that forbids what a fault does. */
export function rawSocket(socket: Socket, stream: FaultyRequest["stream"]): Socket {
  const session = stream?.session as unknown as { readonly [key: symbol]: unknown } | undefined;
  if (session === undefined) return socket;
  const symbol = Object.getOwnPropertySymbols(session).find((key) => key.description === "socket");
  return session[symbol as symbol] as Socket;
}
