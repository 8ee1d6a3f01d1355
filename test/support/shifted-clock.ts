interface ShiftedClock extends Disposable {
  aheadMs: number;
}

/** The system's clock with a lead, until the end of the scope: every age moves with it, and no timer. */
export function shiftedClock(): ShiftedClock {
  return clockFrom(Date.now);
}

/** The same for one that stands still but for its lead, so that nothing ages while a busy machine is slow. */
export function stoppedClock(): ShiftedClock {
  const stoppedAt = Date.now();
  return clockFrom(() => stoppedAt);
}

function clockFrom(base: () => number): ShiftedClock {
  const { now } = Date;
  const clock = {
    aheadMs: 0,
    [Symbol.dispose]() {
      Date.now = now;
    },
  };
  Date.now = () => base() + clock.aheadMs;
  return clock;
}
