import { type ConnectLimit, extensionMs } from "../../resilience/connect-limit.ts";
import { timerMs } from "../../runtime.ts";

export interface DialLimitOptions extends ConnectLimit {
  /** Whether a call needs the dial, so that it goes on for as long again. */
  isNeeded(passedMs: number): boolean;
  /** Called when its time is over, in all rounds. */
  onOver(passedMs: number): void;
}

/** The limit of a dial. Its timer does not hold the process: the calls that wait for the dial do. */
export class DialLimit {
  readonly #options: DialLimitOptions;
  readonly #startedAt: number;
  #passedMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: DialLimitOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
    this.#beginRound();
  }

  /** Ends a dial whose time is over: called by the first call after a freeze, in which the timer did not run. */
  look(now: number): void {
    const { ms, isNeeded, onOver } = this.#options;
    if (now - this.#startedAt > ms && !isNeeded(ms)) onOver(ms);
  }

  /** The dial has ended. */
  end(): void {
    clearTimeout(this.#timer);
  }

  #beginRound(): void {
    const { ms, clock } = this.#options;
    const startedAt = clock.now();
    this.#after(ms, () => {
      const moreMs = extensionMs(clock.now() - startedAt - ms, ms);
      if (moreMs === 0) this.#endRound();
      else this.#after(moreMs, () => this.#endRound());
    });
  }

  #endRound(): void {
    const { ms, isNeeded, onOver } = this.#options;
    this.#passedMs += ms;
    if (isNeeded(this.#passedMs)) this.#beginRound();
    else onOver(this.#passedMs);
  }

  #after(ms: number, then: () => void): void {
    this.#timer = setTimeout(then, timerMs(ms)).unref();
  }
}
