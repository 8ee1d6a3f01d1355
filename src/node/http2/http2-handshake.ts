import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import type { Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import type { TlsOptions } from "../../net/tls-options.ts";
import type { Sight } from "../../resilience/connection-hints.ts";
import type { Clock } from "../../runtime.ts";
import type { Handlers } from "../exchange.ts";
import { connectError } from "../net/connect-errors.ts";
import type { Dialled } from "../net/tcp-dialer.ts";
import { sightOfDial } from "../sight.ts";

/** Node resets a stream whose response has more than 128 header fields or trailers, after the handler has run. */
const MOST_RESPONSE_FIELDS = 4_096;

export interface HandshakeOptions {
  readonly origin: string;
  /** How TLS is put over the connection; undefined for cleartext. */
  readonly secure: ConnectionOptions | undefined;
  /** As the user has set it. */
  readonly tls: TlsOptions | false;
  readonly clock: Clock;
  readonly handlers: Handlers;
}

export interface HandshakeListener {
  onConnected(session: ClientHttp2Session, socket: Socket, roundTripMs: number): void;
  /** Called for each error of the session and its socket, also of one that has connected. */
  onFailed(error: unknown): void;
}

/** TLS and HTTP/2 in the making, over a TCP connection. */
export interface Handshake {
  /** What it has seen of the server until it failed with this error. */
  sightOf(error: unknown): Sight | undefined;
  close(): void;
}

/**
 * Makes an HTTP/2 connection of a TCP connection. It counts as made when the server's SETTINGS have arrived, as in grpc-go
 * and gRPC C-core. That is when it is certain that a server speaks HTTP/2 there: a reset at accept, a client certificate
 * that the server rejects (in TLS 1.3 after the client's side of the handshake) and a server that accepts and never
 * answers all end here, where nothing has been sent. It also keeps a cold burst of calls within MAX_CONCURRENT_STREAMS.
 */
export function shakeHands(
  { socket: tcpSocket, tookMs }: Dialled,
  { origin, secure, tls, clock, handlers }: HandshakeOptions,
  { onConnected, onFailed }: HandshakeListener,
): Handshake {
  const startedAt = clock.now();
  const secured = secure === undefined ? tcpSocket : connectTls({ ...secure, socket: tcpSocket });
  const socket = secured.unref();
  const session = connectHttp2(origin, {
    createConnection: () => socket,
    settings: { enablePush: false },
    maxHeaderListPairs: MOST_RESPONSE_FIELDS,
    // Node's limit of 10 MB refuses a burst of large requests as if the server had; grpc-js has none either.
    maxSessionMemory: Number.MAX_SAFE_INTEGER,
  });
  // Stays for the life of the session: a session emits errors also when it is idle, closed or being destroyed, and an error
  // without a listener ends the process (connect-es #1768).
  session.on("error", onFailed);
  // Node's session does not always hear its socket: after a fatal TLS alert (a client certificate that is refused) it
  // stays open on a dead connection, without an event.
  socket.on("error", (error) => {
    onFailed(error);
    if (!session.destroyed) session.destroy(error);
  });
  session.on("close", () =>
    onFailed(connectError("the server closed the connection before it was ready", "ECONNRESET")),
  );
  session.once("remoteSettings", () => {
    if (session.destroyed) return;
    // Either is a round trip at least, unless a proxy answers for the server: then the other one is.
    onConnected(session, socket, Math.max(tookMs, clock.now() - startedAt));
  });
  return {
    sightOf: (error) => sightOfDial(error, tcpSocket, socket, { tls, isKnown: handlers.areKnown }),
    close() {
      session.destroy();
      // destroy() of a session only ends its socket.
      socket.destroy();
    },
  };
}
