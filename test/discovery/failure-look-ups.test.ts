import { expect, test } from "vitest";
import { FailureLookUps } from "../../src/discovery/failure-look-ups.ts";
import { mulberry32 } from "../support/fake-runtime.ts";

// How often connections that fail may have their target looked up.

const never = Number.NEGATIVE_INFINITY;

/** When look-ups are made, if connections fail at these times, and attempts that succeed begin at those. */
function lookUpsAt(failures: readonly number[], successes: readonly number[] = []): number[] {
  const forFailures = new FailureLookUps();
  const asked: number[] = [];
  const later = [...successes];
  let succeededAt = never;
  for (const now of failures) {
    while ((later[0] ?? Number.POSITIVE_INFINITY) < now) succeededAt = later.shift() as number;
    if (!forFailures.mayAsk(now, asked.at(-1) ?? never, succeededAt)) continue;
    forFailures.asked();
    asked.push(now);
    forFailures.answered(true, true, now);
  }
  return asked;
}

const every = (stepMs: number, untilMs: number) => Array.from({ length: untilMs / stepMs }, (_, i) => i * stepMs);

test("the first two are 100 ms apart, then 1 s × 1.6ⁿ up to 5 s", () => {
  const at = lookUpsAt(every(1, 30_000));
  const apart = at.slice(1).map((time, i) => time - (at[i] as number));
  expect(apart).toEqual([100, 1_000, 1_600, 2_560, 4_096, 5_000, 5_000, 5_000, 5_000]);
});

test("5 s without a failed connection end the row, less do not", () => {
  const row = every(100, 300);
  expect(lookUpsAt([...row, 5_199])).toEqual([0, 100, 5_199]);
  expect(lookUpsAt([...row, 5_199, 5_299])).toEqual([0, 100, 5_199]);
  expect(lookUpsAt([...row, 5_200, 5_300])).toEqual([0, 100, 5_200, 5_300]);
});

test("a success ends the row, if its attempt began after the last look-up", () => {
  const failures = every(100, 10_000);
  expect(lookUpsAt(failures).slice(0, 6)).toEqual([0, 100, 1_100, 2_700, 5_300, 9_400]);
  expect(lookUpsAt(failures, [2_750]).slice(0, 7)).toEqual([0, 100, 1_100, 2_700, 2_800, 2_900, 3_900]);
  expect(lookUpsAt(failures, [2_650]).slice(0, 6)).toEqual([0, 100, 1_100, 2_700, 2_800, 3_800]);
});

test("a process whose servers are replaced before each of its calls looks up for each", () => {
  const failures = every(780, 20_000);
  expect(
    lookUpsAt(
      failures,
      failures.map((at) => at + 1),
    ),
  ).toEqual(failures);
});

test("a clock that goes back holds nothing up", () => {
  expect(lookUpsAt([0, 100, 200, -3_600_000])).toEqual([0, 100, -3_600_000]);
});

test("there are never more than two and one a second while no call succeeds, whenever connections fail", () => {
  const random = mulberry32(7);
  for (let round = 0; round < 50; round++) {
    const failures: number[] = [];
    const longestMs = 10 ** (1 + 3.5 * random());
    for (let now = 0; now < 120_000; now += Math.ceil(longestMs * random() ** 3)) failures.push(now);
    const at = lookUpsAt(failures);
    const tooMany = at.filter((to, j) => at.some((from, i) => i < j && j - i + 1 > 2 + (to - from) / 1_000));
    expect(tooMany).toEqual([]);
  }
});
