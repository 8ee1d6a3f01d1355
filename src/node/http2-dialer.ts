import type { Destination } from "./address.ts";
import { connectFailure, connectTimeout } from "./connect-failure.ts";
import { limitConnecting } from "./connect-limit.ts";
import type { Http2Connection, Http2ConnectionOptions } from "./http2-connection.ts";
import { dialHttp2, type Http2Dial } from "./http2-dial.ts";

export interface Http2DialerOptions extends Http2ConnectionOptions {
  readonly destination: Destination;
  /** Limit of one dial, TCP and TLS together. */
  readonly connectTimeoutMs: number;
}

/** The dials to one endpoint: one at a time, shared by all calls that wait. */
export class Http2Dialer {
  readonly #origin: string;
  readonly #options: Http2DialerOptions;
  readonly #onConnected: (connection: Http2Connection) => void;
  #dial: Http2Dial | undefined;

  /** @param onConnected told each connection, before those who wait for it. */
  constructor(origin: string, options: Http2DialerOptions, onConnected: (connection: Http2Connection) => void) {
    this.#origin = origin;
    this.#options = options;
    this.#onConnected = onConnected;
  }

  /** @param signal aborts when the call no longer waits; without it, the dial goes on to its end. */
  dial(now: number, signal: AbortSignal | undefined): Promise<void> {
    const dial = this.#shared(now);
    dial.join(signal);
    // Each waiting call gets an error object of its own: what is noted about one must not show on another.
    return dial.connection.then(
      () => {},
      (error) => {
        throw connectFailure(error);
      },
    );
  }

  /** Nobody waits for it. */
  dialInBackground(now: number): void {
    this.#shared(now).join();
  }

  /** For who has nobody else to limit the wait or to hold the process for it: a timer of its own does both. */
  async dialHolding(): Promise<void> {
    const { clock, connectTimeoutMs } = this.#options;
    const giveUp = new AbortController();
    let endLimit = (): void => {};
    const late = new Promise<never>((_resolve, reject) => {
      endLimit = limitConnecting({ ms: connectTimeoutMs, clock, hold: true }, () => {
        reject(connectFailure(connectTimeout(connectTimeoutMs)));
        giveUp.abort();
      });
    });
    try {
      await Promise.race([this.dial(clock.now(), giveUp.signal), late]);
    } finally {
      endLimit();
    }
  }

  abandon(reason: Error): void {
    this.#dial?.abandon(reason);
  }

  #shared(now: number): Http2Dial {
    const { connectTimeoutMs, destination } = this.#options;
    // The dial's own timer may not have run: this is the first call after a freeze.
    if (this.#dial !== undefined && now - this.#dial.startedAt > connectTimeoutMs) {
      this.#dial.abandon(connectTimeout(connectTimeoutMs));
      this.#dial = undefined;
    }
    if (this.#dial !== undefined) return this.#dial;
    const dial = dialHttp2(this.#origin, destination, connectTimeoutMs, this.#options);
    this.#dial = dial;
    const over = (): void => {
      if (this.#dial === dial) this.#dial = undefined;
    };
    dial.connection.then((connection) => {
      over();
      this.#onConnected(connection);
    }, over);
    return dial;
  }
}
