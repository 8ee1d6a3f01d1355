// As in two-turns.ts: a call must not wait for a clock that a test moves.
const { setImmediate } = globalThis;

/** A message of this size holds hundreds of records, and takes milliseconds to read. */
export const LARGE_BYTES = 4_096;

const waiting: (() => void)[] = [];

/** Delivers large messages, each in a turn of its own, so that several do not hold the event loop together. */
export function oneATurn(deliver: () => void): void {
  waiting.push(deliver);
  if (waiting.length === 1) setImmediate(next);
}

function next(): void {
  try {
    waiting[0]?.();
  } finally {
    waiting.shift();
    if (waiting.length > 0) setImmediate(next);
  }
}
