import { expect, test } from "vitest";
import { deadlineFrom } from "../../src/node.ts";

const leaves = (ms: number) => ({ getRemainingTimeInMillis: () => ms });

test.each([
  [3_000, undefined, 2_750],
  [3_000, 100, 2_900],
  [3_000, 0, 3_000],
  [900.7, 100, 800],
  // To Connect, 0 and below is no limit.
  [250, undefined, 1],
  [100, undefined, 1],
  [-5, undefined, 1],
  [Number.NaN, undefined, 1],
])("of %d ms, with a margin of %s ms, a call gets %i ms", (left, marginMs, timeoutMs) => {
  expect(deadlineFrom(leaves(left), marginMs === undefined ? {} : { marginMs })).toEqual({ timeoutMs });
});

test.each([undefined, null, {}, { getRemainingTimeInMillis: 3_000 }, 3_000, "context"])(
  "without a context (%j) it says what it needs",
  (context) => {
    const failing = () => deadlineFrom(context as never);
    expect(failing).toThrow(TypeError);
    expect(failing).toThrow("getRemainingTimeInMillis(): the second argument of a Lambda's handler");
  },
);

test.each([Number.NaN, -1, "500", null])("a margin of %j is an error", (marginMs) => {
  expect(() => deadlineFrom(leaves(3_000), { marginMs: marginMs as number })).toThrow(/marginMs must be a number/);
});
