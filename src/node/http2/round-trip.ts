/** The wait for a PING's answer: this many round trips, within these limits. */
const ROUND_TRIPS = 4;
const SHORTEST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 500;
/** To a server that is far, an answer may take longer than that. */
const FAR_ROUND_TRIPS = 2;
/** Weight of a new measurement in the smoothed round trip (RFC 6298 section 2). */
const SMOOTHING = 1 / 8;
/** What takes longer was a freeze of this process, or a server that was not there. */
const LONGEST_ROUND_TRIP_MS = 5_000;

/** How long a connection's round trips take, and so how long an answer is waited for. */
export class RoundTrip {
  #smoothedMs: number | undefined;
  /** What a dial took is a guess, which the first PING replaces. */
  #isGuess = true;

  /** @param dialledMs what the dial measured. */
  constructor(dialledMs: number) {
    if (isPossible(dialledMs)) this.#smoothedMs = dialledMs;
  }

  /** Smoothed; 0 where nothing is known. */
  get ms(): number {
    return this.#smoothedMs ?? 0;
  }

  /** How long the answer of a PING is waited for. */
  get waitMs(): number {
    const ms = this.#smoothedMs ?? LONGEST_WAIT_MS;
    const longestMs = Math.max(LONGEST_WAIT_MS, FAR_ROUND_TRIPS * ms);
    return Math.min(longestMs, Math.max(SHORTEST_WAIT_MS, ROUND_TRIPS * ms));
  }

  measured(ms: number): void {
    if (!isPossible(ms)) return;
    const last = this.#smoothedMs;
    this.#smoothedMs = last === undefined || this.#isGuess ? ms : last + SMOOTHING * (ms - last);
    this.#isGuess = false;
  }
}

/** Below 0 the clock was set. */
function isPossible(ms: number): boolean {
  return ms >= 0 && ms <= LONGEST_ROUND_TRIP_MS;
}
