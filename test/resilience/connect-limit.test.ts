import { expect, test } from "vitest";
import { extensionMs } from "../../src/resilience/connect-limit.ts";

test.each([
  ["a timer that is on time", 20, 0],
  ["a clock that was set back", -3_600_000, 0],
  ["a busy event loop", 300, 300],
  ["a freeze of an hour", 3_600_000, 1_000],
])("%s", (_, lateMs, moreMs) => {
  expect(extensionMs(lateMs, 1_000)).toBe(moreMs);
});
