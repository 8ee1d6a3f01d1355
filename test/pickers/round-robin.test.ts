import { describe, expect, test } from "vitest";
import type { Candidate } from "../../src/pickers/picker.ts";
import { roundRobin } from "../../src/pickers/round-robin.ts";
import { candidates, chiSquare, countOf, pickInfo, pickTimes } from "../support/candidates.ts";
import { mulberry32 } from "../support/fake-runtime.ts";

/** The longest run of picks in a row without the candidate. */
function longestGap(picks: readonly Candidate[], candidate: Candidate): number {
  let longest = 0;
  let gap = 0;
  for (const picked of picks) {
    gap = picked === candidate ? 0 : gap + 1;
    longest = Math.max(longest, gap);
  }
  return longest;
}

describe("equal weights", () => {
  test("each endpoint has its turn once a round, in the same order", () => {
    const set = candidates(1, 1, 1);
    const picks = pickTimes(
      roundRobin(set, undefined, () => 0),
      6,
    );
    expect(picks).toEqual([set[0], set[1], set[2], set[0], set[1], set[2]]);
  });

  test("the start is at a random place", () => {
    const set = candidates(1, 1, 1, 1);
    const random = mulberry32(2);
    const starts = Array.from({ length: 4_000 }, () => roundRobin(set, undefined, random).pick(0, pickInfo));
    expect(chiSquare(set.map((candidate) => countOf(starts, candidate)))).toBeLessThan(16.27);
  });
});

describe("unequal weights", () => {
  test.each([[[9, 1]], [[9, 1, 1, 1, 1]], [[7, 2, 1]], [[3, 3, 2]]])("shares are exactly the weights %j", (weights) => {
    const set = candidates(...weights);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const picks = pickTimes(roundRobin(set, undefined, mulberry32(9)), total * 1_000);
    for (const [index, weight] of weights.entries()) {
      // One in a thousand rounds: a stride is a rounded number.
      expect(Math.abs(countOf(picks, set[index]!) - weight * 1_000)).toBeLessThanOrEqual(1);
    }
  });

  test("the turns of an endpoint are spread evenly", () => {
    const set = candidates(7, 2, 1);
    const picks = pickTimes(roundRobin(set, undefined, mulberry32(4)), 10_000);
    // Every 10th pick on average, and never more than two thirds later than that.
    expect(longestGap(picks, set[2]!)).toBeLessThanOrEqual(16);
    expect(longestGap(picks, set[0]!)).toBeLessThanOrEqual(2);
  });

  test("light endpoints of one weight do not take their turns in the same round", () => {
    const set = candidates(8, 1, 1, 1, 1);
    const picks = pickTimes(
      roundRobin(set, undefined, () => 0),
      1_200,
    );
    const light = picks.map((picked) => picked !== set[0]);
    const longestRun = light
      .join(" ")
      .split("false")
      .map((run) => run.split("true").length - 1);
    expect(Math.max(...longestRun)).toBe(1);
  });

  test("the smallest of weights still has a turn", () => {
    const set = candidates(1_000_000, 0.001);
    const picks = pickTimes(
      roundRobin(set, undefined, () => 0),
      70_000,
    );
    expect(countOf(picks, set[1]!)).toBeGreaterThanOrEqual(1);
    expect(countOf(picks, set[1]!)).toBeLessThanOrEqual(2);
  });
});

describe("when the set changes", () => {
  test("the rotation goes on where it was", () => {
    const set = candidates(1, 1, 1, 1);
    const before = roundRobin(set, undefined, () => 0);
    pickTimes(before, 5);
    const after = roundRobin(set, before, () => {
      throw new Error("drawn");
    });
    expect(pickTimes(after, 3)).toEqual([set[1], set[2], set[3]]);
  });

  test("no endpoint is starved by changes after every pick", () => {
    const set = candidates(1, 1, 1);
    let picker = roundRobin(set, undefined, () => 0);
    const picks: Candidate[] = [];
    for (let i = 0; i < 30; i++) {
      picks.push(picker.pick(0, pickInfo));
      picker = roundRobin(set, picker, () => 0);
    }
    expect(set.map((candidate) => countOf(picks, candidate))).toEqual([10, 10, 10]);
  });

  test("a picker of another kind is no reason to fail", () => {
    const set = candidates(1, 1);
    const other = { pick: () => set[0] as Candidate };
    expect(roundRobin(set, other, () => 0).pick(0, pickInfo)).toBe(set[0]);
  });
});
