import { onTestFinished, vi } from "vitest";
import type { Clock, Runtime } from "../../src/runtime.ts";

export interface FakeRuntimeOptions {
  seed?: number;
  /** Instead of the seeded generator, for what must not depend on chance. */
  random?: () => number;
  /**
   * Replaces the global `setTimeout` until the end of the test, and runs it on this clock: for cockatiel's `timeout`,
   * which takes no other. Not for tests with real sockets.
   */
  globalTimers?: boolean;
}

interface Sleeper {
  readonly at: number;
  readonly background: boolean;
  wake(): void;
}

/** A runtime in which nothing happens by itself: time passes when a test says so, and chance comes from a seed. */
export class FakeRuntime implements Runtime {
  readonly clock: Clock = { now: () => this.time };
  readonly random: () => number;
  readonly #globalTimers: boolean;
  readonly #sleepers = new Set<Sleeper>();
  #uptime = 0;
  #clockAhead = Date.UTC(2026, 0, 1);

  constructor({ seed = 1, random = mulberry32(seed), globalTimers = false }: FakeRuntimeOptions = {}) {
    this.random = random;
    this.#globalTimers = globalTimers;
    if (!globalTimers) return;
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
  }

  /** What the clock shows. Setting it moves the clock and no timer: a frozen process, or a clock that was set. */
  get time(): number {
    return this.#clockAhead + this.#uptime;
  }

  set time(time: number) {
    this.#clockAhead = time - this.#uptime;
  }

  /** Sleeps under way that would hold the process. */
  get sleeping(): number {
    return [...this.#sleepers].filter((sleeper) => !sleeper.background).length;
  }

  /** All sleeps under way. */
  get timers(): number {
    return this.#sleepers.size;
  }

  /** A property, because who takes it out of the runtime calls it without one. */
  readonly sleep: Runtime["sleep"] = (ms, signal, background = false) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const onAbort = () => {
        this.#sleepers.delete(sleeper);
        reject(signal?.reason);
      };
      const wake = () => {
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener("abort", onAbort);
        resolve();
      };
      const sleeper = { at: this.#uptime + Math.max(0, ms), background, wake };
      this.#sleepers.add(sleeper);
      signal?.addEventListener("abort", onAbort, { once: true });
    });

  /** Lets time pass: whoever sleeps wakes in order, each at its own moment, and what follows from it happens. */
  async advance(ms: number): Promise<void> {
    const end = this.#uptime + ms;
    await settled();
    for (;;) {
      const next = this.#firstUntil(end);
      await this.#moveTo(next?.at ?? end);
      next?.wake();
      await settled();
      if (next === undefined) return;
    }
  }

  #firstUntil(end: number): Sleeper | undefined {
    let first: Sleeper | undefined;
    for (const sleeper of this.#sleepers) {
      if (sleeper.at <= end && (first === undefined || sleeper.at < first.at)) first = sleeper;
    }
    return first;
  }

  async #moveTo(uptime: number): Promise<void> {
    if (!this.#globalTimers) {
      this.#uptime = Math.max(this.#uptime, uptime);
      return;
    }
    // By the millisecond, so that both clocks show the same whenever something fires.
    while (this.#uptime < uptime) {
      const step = vi.getTimerCount() === 0 ? uptime - this.#uptime : Math.min(1, uptime - this.#uptime);
      this.#uptime += step;
      await vi.advanceTimersByTimeAsync(step);
    }
  }
}

/** Everything that is due now has happened: promises only, no timer. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 30; i++) await Promise.resolve();
}

/** Tommy Ettinger's generator: 32 bits of state, good enough for drawing. */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
