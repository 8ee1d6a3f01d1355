import type { Attempt, AttemptRace } from "./attempt.ts";

/**
 * Two copies of a call on two endpoints. The first good response commits the call to its copy, and the other one is
 * taken back; an error of one copy waits for the end of the other.
 */
export class Race implements AttemptRace {
  readonly #first: Attempt;
  #second: Attempt | undefined;
  #winner: Attempt | undefined;
  /** What the second copy comes to. */
  copy: Promise<unknown> | undefined;
  /** The second copy has come to nothing. */
  isCopyOver = false;
  readonly #decided = new AbortController();

  constructor(first: Attempt) {
    this.#first = first;
  }

  /** Aborts when one of the two has won. */
  get decided(): AbortSignal {
    return this.#decided.signal;
  }

  isFirst(attempt: Attempt): boolean {
    return attempt === this.#first;
  }

  isWon(attempt: Attempt): boolean {
    return attempt === this.#winner;
  }

  isLost(attempt: Attempt): boolean {
    return this.#winner !== undefined && attempt !== this.#winner;
  }

  /** The second copy is about to be sent; it may be sent to one endpoint after the other, until one can be reached. */
  enter(attempt: Attempt): void {
    this.#second = attempt;
    attempt.race = this;
  }

  /** A good response has begun. */
  commit(attempt: Attempt): void {
    if (this.#winner !== undefined) return;
    this.#winner = attempt;
    const loser = attempt === this.#first ? this.#second : this.#first;
    loser?.carrier?.takeBack(OUTRUN);
    attempt.call.lateDials?.end();
    this.#decided.abort(OUTRUN);
  }
}

/** Built once: it reaches nobody. */
export const OUTRUN = new Error("the other copy of the call was answered first");
