import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { DialLimit } from "../../../src/node/net/dial-limit.ts";
import { manualClock } from "../../support/endpoint-client.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function limited(lateMs: number) {
  const clock = manualClock();
  const expire = vi.fn();
  const limit = new DialLimit({ ms: 1_000, clock, isNeeded: () => false, onOver: expire });
  clock.time += 1_000 + lateMs;
  vi.advanceTimersByTime(1_000);
  return { expire, end: () => limit.end() };
}

test("a connect has its time, and no more where the process ran", () => {
  const { expire } = limited(10);
  expect(expire).toHaveBeenCalledTimes(1);
});

test("a process that was held up waits once more, for as long as that was and at most for the limit", () => {
  const { expire } = limited(3_600_000);
  expect(expire).not.toHaveBeenCalled();
  vi.advanceTimersByTime(999);
  expect(expire).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(expire).toHaveBeenCalledTimes(1);
});

test("a limit that was ended does not expire, before its time or in the extension", () => {
  const { expire, end } = limited(500);
  end();
  vi.advanceTimersByTime(10_000);
  expect(expire).not.toHaveBeenCalled();
  expect(vi.getTimerCount()).toBe(0);
});
