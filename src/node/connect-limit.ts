import { extensionMs } from "../late-timer.ts";
import { type Clock, timerMs } from "../runtime.ts";

export interface ConnectLimit {
  readonly ms: number;
  readonly clock: Clock;
  /** The timer holds the process. */
  readonly hold: boolean;
}

/**
 * Calls `expire` when a connect has had its time, once more as long if this process was held up in it.
 *
 * @returns what ends the limit.
 */
export function limitConnecting({ ms, clock, hold }: ConnectLimit, expire: () => void): () => void {
  const startedAt = clock.now();
  const arm = (delayMs: number, then: () => void): NodeJS.Timeout => {
    const timer = setTimeout(then, timerMs(delayMs));
    return hold ? timer : timer.unref();
  };
  let timer = arm(ms, () => {
    const moreMs = extensionMs(clock.now() - startedAt - ms, ms);
    if (moreMs === 0) expire();
    else timer = arm(moreMs, expire);
  });
  return () => clearTimeout(timer);
}
