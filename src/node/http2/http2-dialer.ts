import type { ConnectRequest } from "../../endpoints/endpoint-transport.ts";
import { connectTimeout, waitForConnection } from "../../resilience/connect-limit.ts";
import { isTimeLimit } from "../../resilience/policies.ts";
import { connectFailure, endpointClosed } from "../net/connect-errors.ts";
import type { Destination } from "../net/open-socket.ts";
import { TcpDialer } from "../net/tcp-dialer.ts";
import type { TlsContext } from "../net/tls-context.ts";
import type { Http2Connection, Http2ConnectionOptions } from "./http2-connection.ts";
import { Http2Dial } from "./http2-dial.ts";
import type { RoundTrip } from "./round-trip.ts";

export interface Http2DialerOptions extends Http2ConnectionOptions {
  readonly destination: Destination;
  /** How long a connect may hold up a call that could go elsewhere. A dial goes on for as long, and longer. */
  readonly connectTimeoutMs: number;
  /** Where the certificates are files, which can change. */
  readonly changingTls: TlsContext | undefined;
  readonly onOpened?: (address: string, durationMs: number) => void;
}

/** A dial goes on for this long without a call that waits for it, or for so many round trips. */
const LEAST_LIMIT_MS = 5_000;
const ROUND_TRIPS = 4;

/** The dials to one endpoint: one at a time, shared by all calls that wait. */
export class Http2Dialer {
  readonly #origin: string;
  readonly #options: Http2DialerOptions;
  readonly #onConnected: (connection: Http2Connection) => void;
  readonly #tcp: TcpDialer;
  #dial: Http2Dial | undefined;
  #closed = false;
  #roundTrip: RoundTrip | undefined;

  /** @param onConnected called with each connection, before the calls that wait for it go on. */
  constructor(origin: string, options: Http2DialerOptions, onConnected: (connection: Http2Connection) => void) {
    this.#origin = origin;
    this.#options = options;
    this.#onConnected = onConnected;
    this.#tcp = new TcpDialer(options.destination, options.clock);
  }

  /** The address that connected last. */
  get address(): string | undefined {
    return this.#tcp.address;
  }

  /** @param waiting the call that waits; without it, the dial goes on to its end. */
  dial(now: number, waiting: ConnectRequest | undefined): Promise<void> {
    if (this.#closed) return Promise.reject(connectFailure(endpointClosed()));
    const dial = this.#shared(now);
    dial.join(waiting);
    // Each waiting call gets an error object of its own: what is recorded about one must not show on another.
    return dial.connection.then(
      () => {},
      (error) => {
        throw connectFailure(error);
      },
    );
  }

  /** For later calls. */
  dialInBackground(now: number): void {
    this.#shared(now).join();
  }

  /** For a call that waits without a limit, and without a timer that holds the process. */
  async dialHolding(): Promise<void> {
    const { clock } = this.#options;
    const ms = this.#limitMs;
    const giveUp = new AbortController();
    const dialled = this.dial(clock.now(), { canRetry: false, signal: giveUp.signal });
    await waitForConnection(dialled, { ms, clock }).catch((error) => {
      if (!isTimeLimit(error)) throw error;
      giveUp.abort();
      throw connectFailure(connectTimeout(ms));
    });
  }

  /** Makes no more connections. */
  close(): void {
    this.#closed = true;
    this.#dial?.abandon(endpointClosed());
  }

  get #limitMs(): number {
    return Math.max(LEAST_LIMIT_MS, this.#options.connectTimeoutMs, ROUND_TRIPS * (this.#roundTrip?.ms ?? 0));
  }

  #shared(now: number): Http2Dial {
    this.#dial?.look(now);
    if (this.#dial?.isOver === false) return this.#dial;
    const { changingTls } = this.#options;
    const dial = new Http2Dial({ ...this.#options, limitMs: this.#limitMs });
    dial.start(this.#origin, this.#tcp);
    // Those that the dial begins with; they may be replaced before it ends.
    const credentials = changingTls?.latest;
    this.#dial = dial;
    const over = (): void => {
      if (this.#dial === dial) this.#dial = undefined;
    };
    dial.connection.then((connection) => {
      over();
      this.#roundTrip = connection.roundTrip;
      connection.credentials = credentials;
      this.#options.onOpened?.(this.address as string, this.#options.clock.now() - dial.startedAt);
      if (this.#closed) connection.close("closed");
      else this.#onConnected(connection);
    }, over);
    return dial;
  }
}
