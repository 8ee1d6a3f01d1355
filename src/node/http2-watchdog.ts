import { type Clock, timerMs } from "../runtime.ts";
import type { Http2Liveness } from "./http2-liveness.ts";
import type { RoundTrip } from "./round-trip.ts";
import { twoTurns } from "./two-turns.ts";

/** Silence after which the server is asked whether it is there; twice as long after each answer, without HEADERS or DATA. */
const FIRST_SILENCE_MS = 1_000;
const LONGEST_SILENCE_MS = 60_000;
/** A suspect is looked at this often, without a word. */
const LOOK_MS = 1_000;
/** Silence after which a suspect is given up: this long, or so many round trips. */
const GIVE_UP_MS = 20_000;
const GIVE_UP_ROUND_TRIPS = 10;
/** A timer that is later than this shows that the process was frozen. */
const FREEZE_MS = 1_000;

export interface WatchdogOptions {
  readonly clock: Clock;
  readonly liveness: Http2Liveness;
  readonly roundTrip: RoundTrip;
  /** A PING was not answered. Whether the server is gone or busy is not known: what is under way may still be answered. */
  onSuspect(): void;
  /** Nobody is there any more. */
  onDead(): void;
}

/**
 * Watches over a connection while calls or streams wait on it. Without proof of a freeze it gives up nothing that may
 * still be answered: a server that is busy, paused or far looks dead for a while. Its timers run only while something
 * waits, and hold nothing.
 */
export class Http2Watchdog {
  readonly #options: WatchdogOptions;
  /** Calls and streams that wait. */
  #waiting = 0;
  #waitingSince = 0;
  #silenceMs = FIRST_SILENCE_MS;
  #timer: NodeJS.Timeout | undefined;
  #dueAt = 0;
  #suspicion: { since: number; readonly heardAt: number } | undefined;

  constructor(options: WatchdogOptions) {
    this.#options = options;
  }

  /** The server left a PING unanswered, and has given no sign of life since. */
  get isSuspect(): boolean {
    if (this.#suspicion === undefined) return false;
    const { liveness } = this.#options;
    liveness.look();
    if (liveness.heardAt !== this.#suspicion.heardAt) this.#suspicion = undefined;
    return this.#suspicion !== undefined;
  }

  /** A call or a stream waits. */
  begin(): void {
    this.#waiting += 1;
    if (this.#waiting > 1) return;
    this.#waitingSince = this.#options.clock.now();
    // Left running when the last call ends: a timer for each call would cost more than one that finds nothing to do.
    if (this.#timer === undefined) this.#checkIn(FIRST_SILENCE_MS);
  }

  /** It has ended. */
  end(): void {
    this.#waiting -= 1;
    if (this.#waiting === 0) this.#startOver();
  }

  /** HEADERS or DATA came. */
  heard(): void {
    if (this.#startOver() && this.#waiting > 0) this.#checkIn(FIRST_SILENCE_MS);
  }

  /** A PING was not answered. */
  suspect(): void {
    const { clock, liveness, onSuspect } = this.#options;
    if (this.isSuspect) return;
    this.#suspicion = { since: clock.now(), heardAt: liveness.heardAt };
    this.#checkIn(LOOK_MS);
    onSuspect();
  }

  /** True if a timer for a longer silence was stopped. */
  #startOver(): boolean {
    if (this.#silenceMs === FIRST_SILENCE_MS) return false;
    this.#silenceMs = FIRST_SILENCE_MS;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    return true;
  }

  #checkIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#dueAt = this.#options.clock.now() + ms;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#check();
    }, timerMs(ms)).unref();
  }

  async #check(): Promise<void> {
    if (this.#waiting === 0) return;
    const wasFrozen = this.#options.clock.now() - this.#dueAt >= FREEZE_MS;
    if (wasFrozen) await twoTurns();
    const nextMs = await (this.isSuspect ? this.#checkSuspect(wasFrozen) : this.#checkSilence(wasFrozen));
    if (nextMs !== undefined && this.#waiting > 0 && this.#timer === undefined) this.#checkIn(nextMs);
  }

  /** When to look again; undefined if that has been seen to. */
  async #checkSilence(wasFrozen: boolean): Promise<number | undefined> {
    const { clock, liveness, onDead } = this.#options;
    const now = clock.now();
    const silentMs = now - Math.max(liveness.heardAt, this.#waitingSince);
    // A negative silence: the clock was set back.
    if (!wasFrozen && silentMs >= 0 && silentMs < this.#silenceMs) return this.#silenceMs - silentMs;
    if (now < liveness.mayPingAt) return liveness.mayPingAt - now;
    if (await liveness.verify()) {
      this.#silenceMs = Math.min(LONGEST_SILENCE_MS, 2 * this.#silenceMs);
      return this.#silenceMs;
    }
    if (this.#waiting === 0) return undefined;
    if (wasFrozen) onDead();
    else this.suspect();
    return undefined;
  }

  async #checkSuspect(wasFrozen: boolean): Promise<number | undefined> {
    const { clock, liveness, roundTrip, onDead } = this.#options;
    const suspicion = this.#suspicion as { since: number };
    const isGone = wasFrozen && clock.now() >= liveness.mayPingAt && !(await liveness.verify());
    const now = clock.now();
    // A clock that was set back says nothing of the time that has passed.
    suspicion.since = Math.min(suspicion.since, now);
    const giveUpMs = Math.max(GIVE_UP_MS, GIVE_UP_ROUND_TRIPS * roundTrip.ms);
    if (!isGone && now - suspicion.since < giveUpMs) return LOOK_MS;
    if (this.isSuspect && this.#waiting > 0) onDead();
    return FIRST_SILENCE_MS;
  }
}
