import { describe, expect, test } from "vitest";
import { Bounds } from "../../src/discovery/bounds.ts";
import { mulberry32 } from "../support/fake-runtime.ts";

// What a process uses of an answer with more endpoints than anybody needs.

const targets = (count: number, priority = 0) =>
  Array.from({ length: count }, (_, i) => ({ target: `${priority}-${i}.test`, port: 80, priority }));
const names = (records: readonly { readonly target: string }[]) => records.map(({ target }) => target);

test.each([1, 999, 1_000])("an answer of %i is used as it is, and no seed is drawn", (count) => {
  const records = targets(count);
  const never = () => {
    throw new Error("drawn");
  };
  expect(new Bounds().records(records, never)).toBe(records);
});

describe("of an answer of 1,500", () => {
  const records = targets(1_500);

  test("a thousand are used, the same ones each time, in whatever order the answer names them", () => {
    const bounds = new Bounds();
    const random = mulberry32(1);
    const first = names(bounds.records(records, random));
    expect(new Set(first).size).toBe(1_000);
    expect(new Set(names(bounds.records(records.toReversed(), random)))).toEqual(new Set(first));
  });

  test("one that leaves changes nothing for the others", () => {
    const bounds = new Bounds();
    const random = mulberry32(1);
    const before = new Set(names(bounds.records(records, random)));
    const gone = [...before][0] as string;
    const after = names(
      bounds.records(
        records.filter(({ target }) => target !== gone),
        random,
      ),
    );
    expect(after.filter((name) => !before.has(name))).toHaveLength(1);
  });

  test("fifty processes use all of it", () => {
    const used = new Map<string, number>();
    const random = mulberry32(2);
    for (let i = 0; i < 50; i++) {
      for (const name of names(new Bounds().records(records, random))) used.set(name, (used.get(name) ?? 0) + 1);
    }
    expect(used.size).toBe(1_500);
    // Each by two thirds of them, give or take five standard deviations.
    const [least, most] = [Math.min(...used.values()), Math.max(...used.values())];
    expect(least).toBeGreaterThan(33 - 17);
    expect(most).toBeLessThan(33 + 17);
  });
});

test("later tiers keep a tenth, so that a first tier of any size has standbys", () => {
  const kept = new Bounds().records([...targets(5_000, 0), ...targets(500, 1), ...targets(50, 2)], mulberry32(3));
  const count = (priority: number) => kept.filter((record) => record.priority === priority).length;
  expect([count(0), count(1), count(2)]).toEqual([900, 100, 0]);
});

test.each([
  [1, 2_040, 1_000],
  [2, 2_040, 500],
  [10, 2_040, 100],
  [63, 2_040, 16],
  [1_500, 2_040, 16],
  [1_500, 3, 3],
])("of %i targets with %i addresses each, %i addresses of a target are used", (targetCount, addresses, used) => {
  const list = Array.from({ length: addresses }, (_, i) => ({ address: `10.0.${i >> 8}.${i & 255}` }));
  expect(new Bounds().addresses(list, targetCount, mulberry32(4))).toHaveLength(used);
});
