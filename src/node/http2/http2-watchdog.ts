import { type Clock, timerMs } from "../../runtime.ts";
import { twoTurns } from "../event-loop.ts";
import type { Http2Liveness } from "./http2-liveness.ts";
import type { RoundTrip } from "./round-trip.ts";

/** Silence after which the server is asked whether it is there; twice as long after each answer, without HEADERS or DATA. */
const FIRST_SILENCE_MS = 1_000;
const LONGEST_SILENCE_MS = 60_000;
/** A suspect is looked at this often, without a PING. */
const LOOK_MS = 1_000;
/** Silence after which a suspect is given up: this long, or so many round trips. */
const GIVE_UP_MS = 20_000;
const GIVE_UP_ROUND_TRIPS = 10;
/** A timer that is later than this shows that the process was frozen. */
const FREEZE_MS = 1_000;

/** A connection, as its watchdog sees it. */
export interface Watched {
  /** When the server last gave a sign of life. */
  readonly heardAt: number;
  /** Streams that have not ended. */
  readonly inFlight: number;
  /** Since when there have been any. */
  readonly busySince: number;
  readonly liveness: Http2Liveness;
  readonly roundTrip: RoundTrip;
  /** The server is gone: everything on the connection fails now. */
  condemn(): void;
}

/** What a watchdog does. */
export type WatchdogState =
  /** Nothing: it has no timer. */
  | "off"
  /**
   * It waits for the first silence. Its timer is left running when the last stream ends: one for each call would cost
   * more than one that finds nothing to do.
   */
  | "watching"
  /** The first silence has passed. It asks the server by PING, after longer and longer silences. */
  | "asking"
  /** A PING was not answered, and no sign of life has come since. It looks every second whether one has. */
  | "suspect";

/**
 * Watches over a connection while streams wait on it. Without proof of a freeze it gives up nothing that may still be
 * answered: a server that is busy, paused or far looks dead for a while. Its timer holds nothing.
 *
 * The connection calls `start()` with its first stream, where it is off, and `startOver()` where it is past the first
 * silence and HEADERS or DATA come, or no stream is left. So a call that is answered at once only reads the state.
 */
export class Http2Watchdog {
  state: WatchdogState = "off";
  readonly #connection: Watched;
  readonly #clock: Clock;
  readonly #onSuspect: () => void;
  #silenceMs = FIRST_SILENCE_MS;
  #timer: NodeJS.Timeout | undefined;
  #dueAt = 0;
  #suspectSince = 0;
  /** When a suspect was last heard. */
  #suspectHeardAt = 0;

  /** @param onSuspect called when the connection becomes a suspect: what is under way on it may still be answered. */
  constructor(connection: Watched, clock: Clock, onSuspect: () => void) {
    this.#connection = connection;
    this.#clock = clock;
    this.#onSuspect = onSuspect;
  }

  start(): void {
    this.state = "watching";
    this.#lookIn(FIRST_SILENCE_MS);
  }

  startOver(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#silenceMs = FIRST_SILENCE_MS;
    this.state = "off";
    if (this.#connection.inFlight > 0) this.start();
  }

  /** Whether a suspect has given no sign of life until now. */
  get isSuspect(): boolean {
    if (this.state !== "suspect") return false;
    this.#connection.liveness.look();
    if (this.#connection.heardAt !== this.#suspectHeardAt) this.state = "asking";
    return this.state === "suspect";
  }

  /** A PING was not answered. */
  suspect(): void {
    if (this.isSuspect) return;
    this.state = "suspect";
    this.#suspectSince = this.#clock.now();
    this.#suspectHeardAt = this.#connection.heardAt;
    this.#lookIn(LOOK_MS);
    this.#onSuspect();
  }

  #lookIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#dueAt = this.#clock.now() + ms;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#look();
    }, timerMs(ms)).unref();
  }

  async #look(): Promise<void> {
    const wasFrozen = this.#clock.now() - this.#dueAt >= FREEZE_MS;
    if (wasFrozen && this.#connection.inFlight > 0) await twoTurns();
    if (this.#connection.inFlight === 0) {
      this.startOver();
      return;
    }
    const nextMs = await (this.isSuspect ? this.#lookAtSuspect(wasFrozen) : this.#lookAtSilence(wasFrozen));
    // Where a timer runs, it was started over meanwhile.
    if (nextMs !== undefined && this.#connection.inFlight > 0 && this.#timer === undefined) this.#lookIn(nextMs);
  }

  /** When to look again; undefined where it need not, or a timer runs already. */
  async #lookAtSilence(wasFrozen: boolean): Promise<number | undefined> {
    const { heardAt, busySince, liveness } = this.#connection;
    const now = this.#clock.now();
    const silentMs = now - Math.max(heardAt, busySince);
    // A negative silence: the clock was set back.
    if (!wasFrozen && silentMs >= 0 && silentMs < this.#silenceMs) return this.#silenceMs - silentMs;
    this.state = "asking";
    if (now < liveness.mayPingAt) return liveness.mayPingAt - now;
    if (await liveness.verify()) {
      if (this.state !== "asking") return undefined;
      this.#silenceMs = Math.min(LONGEST_SILENCE_MS, 2 * this.#silenceMs);
      return this.#silenceMs;
    }
    if (this.#connection.inFlight === 0) return undefined;
    if (wasFrozen) this.#connection.condemn();
    else this.suspect();
    return undefined;
  }

  async #lookAtSuspect(wasFrozen: boolean): Promise<number> {
    const { liveness, roundTrip } = this.#connection;
    const isGone = wasFrozen && this.#clock.now() >= liveness.mayPingAt && !(await liveness.verify());
    const now = this.#clock.now();
    // From a clock that was set back, the time that has passed cannot be known.
    this.#suspectSince = Math.min(this.#suspectSince, now);
    const giveUpMs = Math.max(GIVE_UP_MS, GIVE_UP_ROUND_TRIPS * roundTrip.ms);
    if (!isGone && now - this.#suspectSince < giveUpMs) return LOOK_MS;
    if (this.isSuspect && this.#connection.inFlight > 0) this.#connection.condemn();
    return FIRST_SILENCE_MS;
  }
}
