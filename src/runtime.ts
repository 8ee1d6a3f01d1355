/** Milliseconds on a clock that moves through a freeze of the process (wall time). It may jump, also backwards. */
export interface Clock {
  /** The moment, in milliseconds. */
  now(): number;
}

/** Variables by name, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Whether less than `ms` have passed since a moment. Not where the clock went back: how long ago it was cannot be known
 * then, and nothing must be held up, kept or locked out until the clock has caught up.
 */
export function isWithin(ms: number, since: number, now: number): boolean {
  return now >= since && now - since < ms;
}

/** The time since a moment; 0 where the clock went back: it gives nothing, and takes nothing. */
export function elapsedMs(since: number, now: number): number {
  return Math.max(0, now - since);
}

/** Everything the library takes from its surroundings that a test must be able to replace. */
export interface Runtime {
  readonly clock: Clock;
  /** Uniform in [0, 1); decides picks, jitter and the process's own order of the endpoints. */
  random(): number;
  /**
   * Settles after `ms`, or rejects with the signal's reason as soon as it aborts. The timer holds the process: only a
   * call that waits sleeps. With `background`, it does not, for what nobody may be waiting for.
   */
  sleep(ms: number, signal?: AbortSignal, background?: boolean): Promise<void>;
}

/** Why something is aborted that nobody waits for any more. Built once: aborting without a reason captures a stack. */
export const OVER = new Error("the result is no longer needed");

/** Timers take at most this: longer ones fire at once (Node, and every browser). */
export const LONGEST_TIMER_MS = 2_147_483_647;

/**
 * The delay to give a timer: what is left to a moment that may have passed, because the process was held up. Node warns
 * of negative delays, of NaN, and of those that are too long.
 */
export function timerMs(ms: number): number {
  return ms > 0 ? Math.min(ms, LONGEST_TIMER_MS) : 0;
}

/** The system's clock, randomness and timers: the only place that touches these globals (docs/ARCHITECTURE.md). */
export const systemRuntime: Runtime = {
  clock: { now: () => Date.now() },
  random: () => Math.random(),
  sleep,
};

function sleep(ms: number, signal?: AbortSignal, background = false): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, timerMs(ms));
    // Timers are plain numbers on some runtimes; there they never hold a process.
    if (background && typeof timer === "object") timer.unref();
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
