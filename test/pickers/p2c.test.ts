import { describe, expect, test } from "vitest";
import { powerOfTwoChoices } from "../../src/pickers/p2c.ts";
import type { Candidate, Picker } from "../../src/pickers/picker.ts";
import { candidates, chiSquare, countOf, type FakeCandidate, pickInfo, pickTimes } from "../support/candidates.ts";
import { mulberry32 } from "../support/fake-runtime.ts";

/** 99.9 % quantiles of the chi-square distribution. */
const QUANTILE: Record<number, number> = { 1: 10.83, 2: 13.82, 5: 20.52, 9: 27.88, 89: 135.98 };

/** Gives out the numbers in turn. */
function draws(...numbers: number[]): () => number {
  let next = 0;
  return () => numbers[next++ % numbers.length] as number;
}

/** Two candidates are told apart by who loses: marks each pair by making one of both the busier. */
function pairsDrawn(count: number, picks: number): Map<string, number> {
  const set = candidates(...Array<number>(count).fill(1));
  const asked: Candidate[] = [];
  for (const candidate of set) {
    candidate.load = () => {
      asked.push(candidate);
      return 0;
    };
  }
  const picker = powerOfTwoChoices(set, undefined, mulberry32(7));
  const pairs = new Map<string, number>();
  for (let i = 0; i < picks; i++) {
    asked.length = 0;
    const first = picker.pick(0, pickInfo);
    const [second] = asked.filter((candidate) => candidate !== first);
    const pair = `${set.indexOf(first as FakeCandidate)} ${set.indexOf(second as FakeCandidate)}`;
    pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
  }
  return pairs;
}

/** Runs a number of calls through a picker, first started first ended, so many of them at a time. */
function shares(set: readonly FakeCandidate[], picker: Picker, concurrency: number, picks = 20_000): number[] {
  const running: FakeCandidate[] = [];
  const counts = set.map(() => 0);
  for (let i = 0; i < picks; i++) {
    if (running.length === concurrency) (running.shift() as FakeCandidate).inFlight--;
    const picked = picker.pick(0, pickInfo) as FakeCandidate;
    picked.inFlight++;
    running.push(picked);
    counts[set.indexOf(picked)]! += 1;
  }
  return counts.map((count) => count / picks);
}

describe("with equal weights", () => {
  test.each([2, 3, 10])("draws a pair of different endpoints, each pair as often, of %i", (count) => {
    const pairs = pairsDrawn(count, 20_000);
    const ordered = count * (count - 1);
    expect([...pairs.keys()].some((pair) => pair.includes("-1"))).toBe(false);
    expect(pairs.size).toBe(ordered);
    expect(chiSquare([...pairs.values()])).toBeLessThan(QUANTILE[ordered - 1] as number);
  });

  test.each([2, 3, 10])("gives each of %i idle endpoints the same share", (count) => {
    const set = candidates(...Array<number>(count).fill(1));
    const picks = pickTimes(powerOfTwoChoices(set, undefined, mulberry32(3)), 20_000);
    expect(chiSquare(set.map((candidate) => countOf(picks, candidate)))).toBeLessThan(QUANTILE[count - 1] as number);
  });

  test("gives a tie to the first drawn", () => {
    const set = candidates(1, 1, 1);
    // First number: which one is drawn first. Second: which of the others.
    expect(powerOfTwoChoices(set, undefined, draws(0.5, 0)).pick(0, pickInfo)).toBe(set[1]);
    expect(powerOfTwoChoices(set, undefined, draws(0.5, 0.99)).pick(0, pickInfo)).toBe(set[1]);
  });

  test("takes the second drawn if it has less to do", () => {
    const set = candidates(1, 1, 1);
    set[1]!.inFlight = 1;
    expect(powerOfTwoChoices(set, undefined, draws(0.5, 0)).pick(0, pickInfo)).toBe(set[2]);
  });

  test("never picks the busiest of all", () => {
    const set = candidates(1, 1, 1, 1);
    set[2]!.inFlight = 3;
    const picks = pickTimes(powerOfTwoChoices(set, undefined, mulberry32(1)), 2_000);
    expect(countOf(picks, set[2]!)).toBe(0);
  });

  test("never picks the one that seems slowest, also when all are idle", () => {
    const set = candidates(1, 1, 1);
    set[0]!.slowness = Math.log(10);
    const picks = pickTimes(powerOfTwoChoices(set, undefined, mulberry32(1)), 2_000);
    expect(countOf(picks, set[0]!)).toBe(0);
  });

  test("weighs slowness against calls under way", () => {
    const set = candidates(1, 1);
    set[0]!.slowness = Math.log(10);
    set[1]!.inFlight = 8;
    const picker = powerOfTwoChoices(set, undefined, mulberry32(1));
    expect(countOf(pickTimes(picker, 100), set[1]!)).toBe(100);
    set[1]!.inFlight = 10;
    expect(countOf(pickTimes(picker, 100), set[0]!)).toBe(100);
  });
});

describe("with unequal weights", () => {
  const WEIGHTS = [
    [9, 1],
    [9, 1, 1, 1, 1],
    [7, 2, 1],
  ];

  test.each(WEIGHTS.flatMap((weights) => [1, 64].map((concurrency) => ({ weights, concurrency }))))(
    "shares are the weights $weights within 2 points at $concurrency in flight",
    ({ weights, concurrency }) => {
      const set = candidates(...weights);
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      const got = shares(set, powerOfTwoChoices(set, undefined, mulberry32(11)), concurrency);
      for (const [index, weight] of weights.entries()) {
        expect(Math.abs((got[index] as number) - weight / total)).toBeLessThanOrEqual(0.02);
      }
    },
  );

  test("gives a tie to the first drawn", () => {
    const set = candidates(9, 1);
    expect(powerOfTwoChoices(set, undefined, draws(0.95, 0)).pick(0, pickInfo)).toBe(set[1]);
    expect(powerOfTwoChoices(set, undefined, draws(0, 0.95)).pick(0, pickInfo)).toBe(set[0]);
  });

  test("counts calls under way by weight", () => {
    const set = candidates(9, 1);
    set[0]!.inFlight = 8;
    set[1]!.inFlight = 1;
    // 8 of weight 9 are less than 1 of weight 1, whichever is drawn first.
    expect(powerOfTwoChoices(set, undefined, draws(0, 0.95)).pick(0, pickInfo)).toBe(set[0]);
    expect(powerOfTwoChoices(set, undefined, draws(0.95, 0)).pick(0, pickInfo)).toBe(set[0]);
  });

  test("a heavy endpoint that seems slow loses to a light one", () => {
    const set = candidates(9, 1);
    set[0]!.slowness = Math.log(10);
    expect(powerOfTwoChoices(set, undefined, draws(0, 0.95)).pick(0, pickInfo)).toBe(set[1]);
  });

  test("a weight a million times smaller than the others harms nothing", () => {
    const set = candidates(1_000_000, 1, 1_000_000);
    const picks = pickTimes(powerOfTwoChoices(set, undefined, mulberry32(5)), 20_000);
    expect(Math.abs(countOf(picks, set[0]!) / 20_000 - 0.5)).toBeLessThan(0.02);
  });
});

test("a single endpoint is picked without drawing", () => {
  const set = candidates(3);
  const picker = powerOfTwoChoices(set, undefined, () => {
    throw new Error("drawn");
  });
  expect(picker.pick(0, pickInfo)).toBe(set[0]);
});
