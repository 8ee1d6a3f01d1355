import { connect as connectHttp2 } from "node:http2";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import type { Waiting } from "../pool/endpoint-transport.ts";
import { connectTimeout } from "../resilience/connect-limit.ts";
import { recordSight } from "../resilience/connection-hints.ts";
import { type Destination, tlsOptions } from "./address.ts";
import { connectError } from "./connect-failure.ts";
import { DialLimit } from "./dial-limit.ts";
import { Http2Connection, type Http2ConnectionOptions } from "./http2-connection.ts";
import { sightOfDial } from "./sight.ts";
import type { Dialled, TcpDialer } from "./tcp-dialer.ts";

/** Node resets a stream whose response has more than 128 header fields or trailers, after the handler has run. */
const MOST_RESPONSE_FIELDS = 4_096;

/** An HTTP/2 connection in the making, shared by all calls that wait for it. */
export interface Http2Dial {
  readonly startedAt: number;
  /** Rejects with Node's own error. Never unhandled, and holds nothing. */
  readonly connection: Promise<Http2Connection>;
  /** Somebody waits. Once every signal has aborted, nobody does. Without `waiting`, one waits to the end. */
  join(waiting?: Waiting): void;
  /** Ends it if its time is over, whatever became of its timer: for the first call after a freeze. */
  look(now: number): void;
  /** It has connected or failed. */
  readonly isOver: boolean;
  abandon(reason: Error): void;
}

/**
 * Dials. The connection counts as made when the server's SETTINGS have arrived, as in grpc-go and gRPC C-core. That is
 * when it is certain that a server speaks HTTP/2 there: a reset at accept, a client certificate that the server
 * rejects (in TLS 1.3 after the client's side of the handshake) and a server that accepts and never answers all end
 * here, where nothing has been sent. It also keeps a cold burst of calls within MAX_CONCURRENT_STREAMS.
 *
 * While it is in the making it does not hold the process: the calls that wait do. When none of them does any more it
 * goes on, so that a server that is far or slow is reached by the next one.
 *
 * @param limitMs after which it ends, unless somebody has nowhere else to go.
 */
export function dialHttp2(
  origin: string,
  { verifiedName, tls }: Destination,
  tcp: TcpDialer,
  limitMs: number,
  options: Http2ConnectionOptions,
): Http2Dial {
  let resolve!: (connection: Http2Connection) => void;
  let reject!: (reason: unknown) => void;
  const connection = new Promise<Http2Connection>((onConnected, onFailed) => {
    resolve = onConnected;
    reject = onFailed;
  });
  connection.catch(() => {});
  const startedAt = options.clock.now();
  let settled = false;
  const waiters = new Set<Waiting>();
  const limit = new DialLimit({
    ms: limitMs,
    clock: options.clock,
    isNeeded: () => [...waiters].some((waiter) => waiter.isPatient),
    onOver: () => abandon(connectTimeout(limitMs)),
  });
  let abandon = (_reason: Error): void => {};
  const settle = (): void => {
    settled = true;
    limit.end();
    for (const leave of leavers) leave();
    // Listeners of the socket live as long as the connection does, and would keep the calls.
    leavers.clear();
    waiters.clear();
  };
  const leavers = new Set<() => void>();
  let note = (_error: unknown): void => {};

  const fail = (error: unknown): void => {
    if (settled) return;
    settle();
    note(error);
    reject(error);
  };
  const open = ({ socket: tcpSocket, address, tookMs }: Dialled): void => {
    const connectedAt = options.clock.now();
    const secured = secure === undefined ? tcpSocket : connectTls({ ...secure, socket: tcpSocket });
    const socket = secured.unref();
    const session = connectHttp2(origin, {
      createConnection: () => socket,
      settings: { enablePush: false },
      maxHeaderListPairs: MOST_RESPONSE_FIELDS,
      // Node's limit of 10 MB refuses a burst of large requests as if the server had; grpc-js has none either.
      maxSessionMemory: Number.MAX_SAFE_INTEGER,
    });
    note = (error) =>
      recordSight(error, sightOfDial(error, tcpSocket, socket, { tls, isKnown: options.handlers.areKnown }));
    const unusable = (error: unknown): void => {
      if (!settled) tcp.distrust(address);
      fail(error);
    };
    // Stays for the life of the session: a session emits errors also when it is idle, closed or being destroyed, and one
    // that nobody hears ends the process (connect-es #1768).
    session.on("error", unusable);
    // Node's session does not always hear its socket: after a fatal TLS alert (a client certificate that is refused) it
    // stays open on a dead connection, without a word.
    socket.on("error", (error) => {
      unusable(error);
      if (!session.destroyed) session.destroy(error);
    });
    session.on("close", () =>
      unusable(connectError("the server closed the connection before it was ready", "ECONNRESET")),
    );
    session.once("remoteSettings", () => {
      if (settled || session.destroyed) return;
      settle();
      // Either is a round trip at least, unless a proxy answers for the server: then the other one is.
      const roundTripMs = Math.max(tookMs, options.clock.now() - connectedAt);
      resolve(new Http2Connection(session, socket, roundTripMs, options));
    });
    close = () => {
      session.destroy();
      // destroy() of a session only ends its socket.
      socket.destroy();
    };
  };

  let secure: ConnectionOptions | undefined;
  try {
    secure = tls === false ? undefined : { ...tlsOptions(verifiedName, tls), ALPNProtocols: ["h2"] };
  } catch (error) {
    // Certificates that cannot be parsed, for instance.
    fail(error);
    return { startedAt, connection, join() {}, look() {}, isOver: true, abandon };
  }
  const dial = tcp.dial({ onConnected: open, onFailed: fail });
  let close = (): void => {};
  abandon = (reason) => {
    if (settled) return;
    fail(reason);
    dial.cancel(reason);
    close();
  };

  return {
    startedAt,
    connection,
    join(waiting = IN_BACKGROUND) {
      if (settled) return;
      waiters.add(waiting);
      const { signal } = waiting;
      const onAbort = (): void => {
        leavers.delete(leave);
        waiters.delete(waiting);
        // A pending TCP connect holds the process even if its socket is unref'd (libuv counts the request). Later
        // phases do not, and are left to finish for the next call: or calls with deadlines shorter than a handshake
        // would begin it anew each time.
        if (waiters.size === 0 && dial.isPending) {
          abandon(connectError("no call waits for this connection", "ECANCELED"));
        }
      };
      const leave = (): void => signal.removeEventListener("abort", onAbort);
      if (signal.aborted) {
        onAbort();
        return;
      }
      leavers.add(leave);
      signal.addEventListener("abort", onAbort, { once: true });
    },
    look: (now) => limit.look(now),
    get isOver() {
      return settled;
    },
    abandon: (reason) => abandon(reason),
  };
}

/** Waits for a connection that no call needs yet. */
const IN_BACKGROUND: Waiting = { repeatable: false, signal: new AbortController().signal };
