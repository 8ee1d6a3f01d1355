import type { ClientHttp2Session } from "node:http2";
import type { Clock } from "../runtime.ts";
import { twoTurns } from "./two-turns.ts";

/** The wait for a PING's answer: this many round trips, within these limits. */
const ROUND_TRIPS = 4;
const SHORTEST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 500;
/** Weight of a new measurement in the smoothed round trip (RFC 6298 section 2). */
const SMOOTHING = 1 / 8;
/** grpc-go and gRPC C-core close with `too_many_pings` at the third PING without any frame of data between. */
const MOST_PINGS = 2;
/** Silence while calls wait, after which the server is asked whether it is there. */
const SILENCE_MS = 1_000;
/** Silence after which it is taken for gone. */
const DEAD_MS = 5_000;

export interface SilenceListener {
  /** A PING was not answered: no new calls, and those that can go elsewhere should. */
  onSuspect(): void;
  /** Nothing came for much longer. */
  onDead(): void;
}

/**
 * Whether the other end of an HTTP/2 connection is still there: by what it sends, and by PING where it sends nothing.
 * Its timers run only while calls wait, and hold nothing.
 */
export class Http2Liveness {
  readonly #session: ClientHttp2Session;
  readonly #clock: Clock;
  readonly #listener: SilenceListener;
  #heardAt: number;
  /** Smoothed; undefined while there is no measurement that can be one. */
  #roundTripMs: number | undefined;
  #pings = 0;
  #verification: Promise<boolean> | undefined;
  #waiting = 0;
  #waitingSince = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(session: ClientHttp2Session, clock: Clock, roundTripMs: number, listener: SilenceListener) {
    this.#session = session;
    this.#clock = clock;
    this.#listener = listener;
    this.#heardAt = clock.now();
    this.#measured(roundTripMs);
  }

  /**
   * When the server last sent something. Not when a call was last sent: on a connection that was forgotten without a
   * word, calls that fail must not keep it young.
   */
  get heardAt(): number {
    return this.#heardAt;
  }

  /** The server sent something for a call. */
  heard(): void {
    this.#heardAt = this.#clock.now();
    this.#pings = 0;
  }

  /** The verification under way; undefined if there is none. */
  get verification(): Promise<boolean> | undefined {
    return this.#verification;
  }

  /** Whether another PING is allowed before the server has sent data. */
  get canVerify(): boolean {
    return this.#pings < MOST_PINGS;
  }

  /** Asks the server whether it is there. False if no answer came in time. One PING for all who ask meanwhile. */
  verify(): Promise<boolean> {
    const limitMs = Math.min(
      LONGEST_WAIT_MS,
      Math.max(SHORTEST_WAIT_MS, ROUND_TRIPS * (this.#roundTripMs ?? LONGEST_WAIT_MS)),
    );
    this.#verification ??= this.#ping(limitMs).finally(() => {
      this.#verification = undefined;
    });
    return this.#verification;
  }

  /** A call waits for its response. */
  begin(): void {
    this.#waiting += 1;
    if (this.#waiting > 1) return;
    this.#waitingSince = this.#clock.now();
    // Left running when the last call ends: a timer for each call would cost more than one that finds nothing to do.
    this.#timer ??= this.#after(SILENCE_MS);
  }

  /** The response has begun, or will not come. */
  end(): void {
    this.#waiting -= 1;
  }

  #after(ms: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.#timer = undefined;
      void this.#checkSilence();
    }, ms).unref();
  }

  async #checkSilence(): Promise<void> {
    if (this.#waiting === 0 || this.#session.destroyed) return;
    const silentMs = this.#clock.now() - Math.max(this.#heardAt, this.#waitingSince);
    // A negative silence: the clock was set back.
    if (silentMs >= 0 && silentMs < SILENCE_MS) {
      this.#timer ??= this.#after(SILENCE_MS - silentMs);
      return;
    }
    // A server that is slow but there answers PINGs; after two of them it has had its say.
    if (this.canVerify && !(await this.#ping(LONGEST_WAIT_MS)) && !this.#session.destroyed) {
      this.#listener.onSuspect();
      const askedAt = this.#heardAt;
      setTimeout(
        () => {
          void twoTurns().then(() => this.#heardAt === askedAt && this.#listener.onDead());
        },
        DEAD_MS - SILENCE_MS - LONGEST_WAIT_MS,
      ).unref();
      return;
    }
    if (this.#waiting > 0) this.#timer ??= this.#after(SILENCE_MS);
  }

  #ping(limitMs: number): Promise<boolean> {
    const startedAt = this.#heardAt;
    this.#pings += 1;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        // The process may have been frozen: what arrived meanwhile has not been read yet.
        void twoTurns().then(() => resolve(this.#heardAt !== startedAt));
      }, limitMs).unref();
      const answered = (error: Error | null, durationMs: number): void => {
        clearTimeout(timer);
        if (error === null) this.#answered(durationMs);
        resolve(error === null);
      };
      try {
        if (!this.#session.ping(answered)) answered(new Error("too many PINGs under way"), 0);
      } catch (error) {
        answered(error as Error, 0);
      }
    });
  }

  #answered(durationMs: number): void {
    this.#heardAt = this.#clock.now();
    this.#measured(durationMs);
  }

  #measured(durationMs: number): void {
    // The process was frozen or busy meanwhile, or the clock was set: that is no round trip.
    if (durationMs < 0 || durationMs > LONGEST_WAIT_MS) return;
    const last = this.#roundTripMs;
    this.#roundTripMs = last === undefined ? durationMs : last + SMOOTHING * (durationMs - last);
  }
}
