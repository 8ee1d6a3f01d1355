import { elapsedMs } from "../runtime.ts";

/**
 * Bounds the retries of one process, so that an outage is not amplified: a debt, which failures and hedges make and
 * successes and time pay off. It is gRFC A6's throttle counted from the other end, with two additions: it is paid off by
 * time too, or a function called once a minute would wait 50 minutes for its next retry; and it grows with the traffic,
 * so that a process can repeat everything that one lost server had under way.
 */
const FAILURE_DEBT = 1;
const PAID_BY_SUCCESS = 0.1;
/** A process that fails faster than once in 20 s still runs out. */
const PAID_PER_MS = 0.05 / 1000;
/** The part of the size that retries may not use: gRPC's, half of its ten tokens. */
const RESERVE = 5;
/** Of a process at rest: four retries. */
const LEAST_SIZE = 10;

/** The peak of calls in flight is that of this long, in so many parts. */
const PEAK_WINDOW_MS = 10_000;
const PARTS = 5;
const PART_MS = PEAK_WINDOW_MS / PARTS;
const LONG_CALL_MS = 60_000;

export class RetryBudget {
  #debt = 0;
  #paidAt: number | undefined;
  /** Attempts in flight. */
  #inFlight = 0;
  /** The most of them at a success, by parts of the window. */
  readonly #peaks = new Float64Array(PARTS);
  #part = 0;

  begin(): void {
    this.#inFlight++;
  }

  end(): void {
    this.#inFlight--;
  }

  /** A failed attempt that may have reached a server, or a hedge. */
  failed(now: number): void {
    this.#pay(now);
    this.#debt = Math.min(this.size(now), this.#debt + FAILURE_DEBT);
  }

  /**
   * An attempt succeeded and has not ended yet. Only then is the traffic looked at: silence makes calls pile up, and an
   * outage must not enlarge the budget.
   *
   * @param now any moment of the attempt.
   */
  succeeded(now: number): void {
    if (this.#debt > 0) this.#debt = Math.max(0, this.#debt - PAID_BY_SUCCESS);
    const part = Math.floor(now / PART_MS);
    if (part !== this.#part) this.#moveTo(part);
    const index = part % PARTS;
    if (this.#inFlight > (this.#peaks[index] as number)) this.#peaks[index] = this.#inFlight;
  }

  allowsRetry(now: number): boolean {
    this.#pay(now);
    return this.#debt < this.size(now) - RESERVE;
  }

  debt(now: number): number {
    this.#pay(now);
    return this.#debt;
  }

  /** What the debt may grow to. Retries need it to be below the size less 5. */
  size(now: number): number {
    const part = Math.floor(now / PART_MS);
    if (part !== this.#part) this.#moveTo(part);
    let peak = 0;
    for (const one of this.#peaks) peak = Math.max(peak, one);
    return Math.max(LEAST_SIZE, RESERVE + peak);
  }

  /** Forgets the parts that have left the window. */
  #moveTo(part: number): void {
    const passed = part - this.#part;
    // The start of a call that has lasted; from further back, the clock was set.
    if (passed < 0 && passed >= -LONG_CALL_MS / PART_MS) return;
    if (passed < 0 || passed >= PARTS) this.#peaks.fill(0);
    else for (let i = 1; i <= passed; i++) this.#peaks[(this.#part + i) % PARTS] = 0;
    this.#part = part;
  }

  #pay(now: number): void {
    const paid = elapsedMs(this.#paidAt ?? now, now) * PAID_PER_MS;
    this.#debt = Math.max(0, Math.min(this.size(now), this.#debt - paid));
    this.#paidAt = now;
  }
}
