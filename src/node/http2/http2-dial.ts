import type { ClientHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import type { ConnectionOptions } from "node:tls";
import type { ConnectRequest } from "../../endpoints/endpoint-transport.ts";
import { connectTimeout } from "../../resilience/connect-limit.ts";
import { recordSight } from "../../resilience/connection-hints.ts";
import { connectError } from "../net/connect-errors.ts";
import { DialLimit } from "../net/dial-limit.ts";
import { type Destination, tlsOptions } from "../net/open-socket.ts";
import type { TcpDial, TcpDialer } from "../net/tcp-dialer.ts";
import { Http2Connection, type Http2ConnectionOptions } from "./http2-connection.ts";
import { type Handshake, shakeHands } from "./http2-handshake.ts";

export interface Http2DialOptions extends Http2ConnectionOptions {
  readonly destination: Destination;
  /** After which it ends, unless a call has nowhere else to go. */
  readonly limitMs: number;
}

/** For a connection that no call needs yet. */
const IN_BACKGROUND: ConnectRequest = { canRetry: false, signal: new AbortController().signal };

/**
 * An HTTP/2 connection in the making, shared by all calls that wait for it. It does not hold the process: the calls do.
 * Where none of them waits any more it goes on, so that a server that is far or slow is reached by the next call.
 */
export class Http2Dial {
  readonly startedAt: number;
  /** Rejects with Node's own error. Never unhandled, and holds nothing. */
  readonly connection: Promise<Http2Connection>;
  /** It has connected or failed. */
  isOver = false;
  readonly #options: Http2DialOptions;
  readonly #limit: DialLimit;
  /** The calls that wait, each with what ends that. */
  readonly #waiting = new Map<ConnectRequest, () => void>();
  #resolve!: (connection: Http2Connection) => void;
  #reject!: (reason: unknown) => void;
  #tcp: TcpDial | undefined;
  #handshake: Handshake | undefined;

  constructor(options: Http2DialOptions) {
    const { clock, limitMs } = options;
    this.#options = options;
    this.startedAt = clock.now();
    this.connection = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.connection.catch(() => {});
    this.#limit = new DialLimit({
      ms: limitMs,
      clock,
      isNeeded: () => [...this.#waiting.keys()].some(({ isPatient }) => isPatient),
      onOver: () => this.abandon(connectTimeout(limitMs)),
    });
  }

  start(origin: string, tcp: TcpDialer): void {
    const { destination, clock, handlers } = this.#options;
    const { tls, verifiedName } = destination;
    let secure: ConnectionOptions | undefined;
    try {
      secure = tls === false ? undefined : { ...tlsOptions(verifiedName, tls), ALPNProtocols: ["h2"] };
    } catch (error) {
      // Certificates that cannot be parsed, for instance.
      this.#fail(error);
      return;
    }
    const options = { origin, secure, tls, clock, handlers };
    this.#tcp = tcp.dial({
      onConnected: (dialled) => {
        this.#handshake = shakeHands(dialled, options, {
          onConnected: (...connected) => this.#connected(...connected),
          onFailed: (error) => {
            if (!this.isOver) tcp.distrust(dialled.address);
            this.#fail(error);
          },
        });
      },
      onFailed: (error) => this.#fail(error),
    });
  }

  /** A call waits, until its signal aborts. Without a call, it goes on to its end. */
  join(waiting = IN_BACKGROUND): void {
    const { signal } = waiting;
    if (this.isOver || this.#waiting.has(waiting)) return;
    const onAbort = (): void => this.#leave(waiting);
    this.#waiting.set(waiting, () => signal.removeEventListener("abort", onAbort));
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  }

  /** Ends it if its time is over, whatever became of its timer: for the first call after a freeze. */
  look(now: number): void {
    this.#limit.look(now);
  }

  abandon(reason: Error): void {
    if (this.isOver) return;
    this.#fail(reason);
    this.#tcp?.cancel(reason);
    this.#handshake?.close();
  }

  #leave(waiting: ConnectRequest): void {
    this.#waiting.delete(waiting);
    // A pending TCP connect holds the process even if its socket is unref'd (libuv counts the request). Later phases do
    // not, and are left to finish for the next call: or calls with deadlines shorter than a handshake would begin it anew
    // each time.
    if (this.#waiting.size === 0 && this.#tcp?.isPending) {
      this.abandon(connectError("no call waits for this connection", "ECANCELED"));
    }
  }

  #connected(session: ClientHttp2Session, socket: Socket, roundTripMs: number): void {
    if (this.isOver) return;
    this.#end();
    this.#resolve(new Http2Connection(session, socket, roundTripMs, this.#options));
  }

  #fail(error: unknown): void {
    if (this.isOver) return;
    this.#end();
    if (this.#handshake !== undefined) recordSight(error, this.#handshake.sightOf(error));
    this.#reject(error);
  }

  #end(): void {
    this.isOver = true;
    this.#limit.end();
    // Listeners of the socket live as long as the connection does, and would keep the calls.
    for (const stopWaiting of this.#waiting.values()) stopWaiting();
    this.#waiting.clear();
  }
}
