import { expect, test } from "vitest";
import { SilentGap } from "../../../src/node/http2/silent-gap.ts";

test("a gap covers the connections that were idle through it, and none that was heard since", () => {
  const gap = new SilentGap();
  expect(gap.covers(0, 1_000)).toBe(false);
  gap.foundSilent(5_000, 6_000);
  expect([4_999, 5_000, 6_000].map((heardAt) => gap.covers(heardAt, 7_000))).toEqual([true, false, false]);
});

test("a gap says nothing once the clock has gone back before it was found", () => {
  const gap = new SilentGap();
  gap.foundSilent(5_000, 6_000);
  expect(gap.covers(1_000, 6_000)).toBe(true);
  expect(gap.covers(1_000, 5_999)).toBe(false);
});
