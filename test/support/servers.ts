import * as http from "node:http";
import * as http2 from "node:http2";
import * as https from "node:https";
import type { AddressInfo, Server, Socket } from "node:net";
import type { SecureVersion, TLSSocket, Server as TlsServer } from "node:tls";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { type EchoCounters, echoRoutes } from "./echo-service.ts";

export interface EchoServerOptions {
  /** What the server calls itself in its answers. Default "server". */
  name?: string;
  httpVersion: "2" | "1.1";
  /** Cleartext without it. `ca` is what client certificates are verified with. */
  tls?: { cert: string; key: string; ca?: string; maxVersion?: SecureVersion } | false;
  /** Refuse clients without a certificate that `tls.ca` has signed. Default false. */
  mutualTls?: boolean;
  /** A loopback address. Default 127.0.0.1. */
  address?: string;
  /** Default: one that is free. */
  port?: number;
  /** Concurrent streams of one HTTP/2 connection. Default: Node's. */
  maxConcurrentStreams?: number;
  /** Flow-control window of an HTTP/2 connection and of each stream. Default: Node's. */
  windowBytes?: number;
}

/** A real Connect, gRPC and gRPC-web server with EchoService. */
export interface EchoServer extends AsyncDisposable {
  readonly address: string;
  readonly port: number;
  readonly name: string;
  /** Handler executions. */
  readonly calls: number;
  /** Handler executions by the method's local name. */
  readonly callsByMethod: Readonly<Record<string, number>>;
  /** Handlers that are running now. */
  readonly active: number;
  /** TCP connections accepted so far. */
  readonly connections: number;
  /** Those that are open now. */
  readonly open: number;
  /** TLS connections that resumed the session of another one. */
  readonly resumed: number;
  /** The common name in the client's certificate, of each TLS connection so far; "" without one. */
  readonly clients: readonly string[];
  /** HTTP/2 PINGs received so far. */
  readonly pings: number;
  /** The `:authority` (or Host) of each request. */
  readonly authorities: readonly string[];
  /** "METHOD /path" of each request. */
  readonly requests: readonly string[];
  /** Shows this certificate to connections that come later. */
  present(tls: { cert: string; key: string; ca?: string }): void;
  /** Sends GOAWAY on each HTTP/2 connection and lets running calls finish; listens on. */
  drain(): void;
  /** Sends GOAWAY on each HTTP/2 connection and leaves it open; calls that begin on it later are ignored. Default: without an error. */
  goaway(code?: number): void;
  /** Graceful: stops listening, GOAWAY, running calls finish. Settles when all connections are closed. */
  close(): Promise<void>;
  /** As if the process had died: no listener, every socket closed at once. */
  kill(): void;
}

export async function startEchoServer(options: EchoServerOptions): Promise<EchoServer> {
  const name = options.name ?? "server";
  const counters: EchoCounters = { calls: {}, active: 0 };
  const authorities: string[] = [];
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const sessions = new Set<http2.ServerHttp2Session>();
  const clients: string[] = [];
  let connections = 0;
  let resumed = 0;
  let pings = 0;
  let closed: Promise<void> | undefined;

  const adapter = connectNodeAdapter({ routes: echoRoutes(name, counters) });
  const server = createServer(options, (request, response) => {
    authorities.push(String(request.headers[":authority"] ?? request.headers.host ?? ""));
    requests.push(`${request.method} ${request.url}`);
    // Node closes the connections that are idle when close() is called; not those that become idle afterwards.
    response.on("finish", () => setImmediate(() => closed !== undefined && closeIdle()));
    adapter(request, response);
  });
  server.on("connection", (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  server.on("secureConnection", (socket: TLSSocket) => {
    if (socket.isSessionReused()) resumed += 1;
    clients.push(String(socket.getPeerCertificate().subject?.CN ?? ""));
  });
  server.on("session", (session: http2.ServerHttp2Session) => {
    sessions.add(session);
    if (options.windowBytes !== undefined) session.setLocalWindowSize(2 * options.windowBytes);
    session.on("error", () => {});
    session.on("ping", () => {
      pings += 1;
    });
    session.on("close", () => sessions.delete(session));
  });
  server.on("sessionError", () => {});
  server.on("tlsClientError", () => {});
  await listen(server, options.port ?? 0, options.address ?? "127.0.0.1");
  const { address, port } = server.address() as AddressInfo;

  function closeIdle(): void {
    if (server instanceof http.Server || server instanceof https.Server) server.closeIdleConnections();
  }
  function drain(): void {
    for (const session of sessions) session.close();
    closeIdle();
  }
  function close(): Promise<void> {
    closed ??= new Promise((resolve) => {
      server.close(() => resolve());
      drain();
    });
    return closed;
  }
  function kill(): void {
    void close();
    for (const socket of sockets) socket.destroy();
  }

  return {
    address,
    port,
    name,
    get calls() {
      return Object.values(counters.calls).reduce((sum, count) => sum + count, 0);
    },
    callsByMethod: counters.calls,
    get active() {
      return counters.active;
    },
    get connections() {
      return connections;
    },
    get pings() {
      return pings;
    },
    get resumed() {
      return resumed;
    },
    clients,
    get open() {
      return sockets.size;
    },
    authorities,
    requests,
    present: (tls) => (server as TlsServer).setSecureContext(tls),
    drain,
    goaway(code = http2.constants.NGHTTP2_NO_ERROR) {
      for (const session of sessions) session.goaway(code);
    },
    close,
    kill,
    async [Symbol.asyncDispose]() {
      kill();
      await close();
    },
  };
}

type Handler = ReturnType<typeof connectNodeAdapter>;

function createServer(options: EchoServerOptions, handler: Handler): Server {
  const tls = options.tls
    ? { ...options.tls, ...(options.mutualTls && { requestCert: true, rejectUnauthorized: true }) }
    : undefined;
  if (options.httpVersion === "1.1") return tls ? https.createServer(tls, handler) : http.createServer(handler);
  const settings = {
    ...(options.maxConcurrentStreams !== undefined && { maxConcurrentStreams: options.maxConcurrentStreams }),
    ...(options.windowBytes !== undefined && { initialWindowSize: options.windowBytes }),
  };
  return tls ? http2.createSecureServer({ ...tls, settings }, handler) : http2.createServer({ settings }, handler);
}

function listen(server: Server, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, address, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
