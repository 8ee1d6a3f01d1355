/** The system's clock with a lead, until the end of the scope: every age moves with it, and no timer. */
export function shiftedClock(): Disposable & { aheadMs: number } {
  const { now } = Date;
  const clock = {
    aheadMs: 0,
    [Symbol.dispose]() {
      Date.now = now;
    },
  };
  Date.now = () => now() + clock.aheadMs;
  return clock;
}
