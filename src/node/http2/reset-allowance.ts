import { elapsedMs } from "../../runtime.ts";

/** Node's server ends a session that is reset more often (`streamResetBurst`, `streamResetRate`: 1,000, then 33/s). */
const BURST = 1_000;
const PER_MS = 33 / 1_000;
/** What is left for calls whose reset is on its way. */
const SPARE = 100;

/**
 * Counts the streams that a connection has reset. Servers take many of them for an attack (CVE-2023-44487, "rapid reset")
 * and end the connection, with all calls on it: calls that pass their deadlines would cost others theirs.
 */
export class ResetAllowance {
  #used = 0;
  #at: number;

  constructor(now: number) {
    this.#at = now;
  }

  /**
   * Counts the reset of a stream.
   *
   * @param streams that the connection still carries.
   * @returns whether it is nearly used up: if all of them were reset, too, it would be too many.
   */
  reset(streams: number, now: number): boolean {
    this.#used = this.#usedBy(now) + 1;
    this.#at = now;
    return this.#used > SPARE && this.#used + streams > BURST - SPARE;
  }

  #usedBy(now: number): number {
    return Math.max(0, this.#used - elapsedMs(this.#at, now) * PER_MS);
  }
}
