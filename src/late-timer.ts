/** A garbage collection or a long turn makes timers as late as this. */
const ON_TIME_MS = 50;

/**
 * What to add to a limit whose timer was late. The process did not run meanwhile (a freeze, a loading module, a
 * throttled CPU), and timers come before the poll phase that shows what has arrived: without another look, a healthy
 * server would pass for a dead one. As long as the timer was late, and at most the limit again; 0 if it was on time.
 */
export function extensionMs(lateMs: number, limitMs: number): number {
  return lateMs > ON_TIME_MS ? Math.min(lateMs, limitMs) : 0;
}
