import { expect, test } from "vitest";
import { rank } from "../../src/common/rendezvous.ts";
import { chiSquare } from "../support/candidates.ts";
import { mulberry32 } from "../support/fake-runtime.ts";

const keys = (count: number) => Array.from({ length: count }, (_, i) => `10.0.${i >> 8}.${i & 255}:8443 users.test`);

/** Pearson's correlation; of unrelated orders, a few times 1/√n at most. */
function correlation(a: readonly number[], b: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  const covariance = mean(a.map((value, i) => (value - meanA) * ((b[i] as number) - meanB)));
  const deviation = (values: readonly number[], m: number) => Math.sqrt(mean(values.map((value) => (value - m) ** 2)));
  return covariance / (deviation(a, meanA) * deviation(b, meanB));
}

test("a key keeps its place", () => {
  expect(rank(42, "a")).toBe(rank(42, "a"));
  expect(rank(42, "a")).not.toBe(rank(42, "b"));
});

test("places are known numbers, so that a change of the hash is seen", () => {
  expect(rank(0, "").toFixed(9)).toBe("0.668922188");
  expect(rank(1, "10.0.0.1:80 test").toFixed(9)).toBe("0.486918935");
});

test("places are in [0, 1)", () => {
  const random = mulberry32(3);
  for (let i = 0; i < 10_000; i++) {
    const place = rank(Math.floor(random() * 0x1_0000_0000), `${random()}`);
    expect(place >= 0 && place < 1).toBe(true);
  }
});

test.each([0, 1, 0xffffffff, 123_456_789])("neighbouring addresses lie evenly, by seed %i", (seed) => {
  const counts = Array<number>(10).fill(0);
  for (const key of keys(10_000)) counts[Math.floor(rank(seed, key) * 10)]! += 1;
  expect(chiSquare(counts)).toBeLessThan(27.88);
});

test("each of four endpoints is first in as many processes", () => {
  const random = mulberry32(5);
  const firsts = [0, 0, 0, 0];
  for (let i = 0; i < 8_000; i++) {
    const seed = Math.floor(random() * 0x1_0000_0000);
    const places = keys(4).map((key) => rank(seed, key));
    firsts[places.indexOf(Math.min(...places))]! += 1;
  }
  expect(chiSquare(firsts)).toBeLessThan(16.27);
});

test.each([
  [1, 2],
  [0, 0x80000000],
  [123_456_789, 987_654_321],
])("the orders of seeds %i and %i are unrelated", (a, b) => {
  const all = keys(5_000);
  const correlated = correlation(
    all.map((key) => rank(a, key)),
    all.map((key) => rank(b, key)),
  );
  expect(Math.abs(correlated)).toBeLessThan(0.06);
});

test("a key beyond ASCII has a place", () => {
  expect(rank(1, "größe")).not.toBe(rank(1, "grosse"));
});
