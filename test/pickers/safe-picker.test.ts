import { describe, expect, test, vi } from "vitest";
import type { Candidate, Picker, PickerFactory } from "../../src/pickers/picker.ts";
import { safePicker } from "../../src/pickers/safe-picker.ts";
import { candidates, countOf, pickInfo, pickTimes } from "../support/candidates.ts";
import { mulberry32 } from "../support/fake-runtime.ts";

const ignore = () => {};

const broken = () => {
  throw new Error("a bug of the user's");
};

describe("falls back to two choices", () => {
  const foreign = candidates(1)[0] as Candidate;
  test.each<[string, PickerFactory]>([
    ["the factory throws", broken],
    ["the factory returns nothing", () => undefined as unknown as Picker],
    ["the factory returns null", () => null as unknown as Picker],
    ["the factory returns no picker", () => ({}) as Picker],
    ["a pick throws", () => ({ pick: broken })],
    ["a pick is nothing", () => ({ pick: () => undefined as unknown as Candidate })],
    ["a pick is null", () => ({ pick: () => null as unknown as Candidate })],
    ["a pick is a copy of a candidate", (set) => ({ pick: () => ({ ...(set[0] as Candidate) }) })],
    ["a pick is of another set", () => ({ pick: () => foreign })],
    ["a pick is a promise", (set) => ({ pick: async () => set[0] }) as unknown as Picker],
  ])("where %s", (_, factory) => {
    const set = candidates(1, 1);
    set[0]!.inFlight = 1;
    const picks = pickTimes(safePicker(factory, ignore)(set, undefined, mulberry32(1)), 10);
    expect(countOf(picks, set[1]!)).toBe(10);
  });
});

test("uses the user's pick where it is good", () => {
  const set = candidates(1, 1);
  set[0]!.inFlight = 5;
  const picker = safePicker((all) => ({ pick: () => all[0] as Candidate }), ignore)(set, undefined, mulberry32(1));
  expect(countOf(pickTimes(picker, 10), set[0]!)).toBe(10);
});

test("tells the user's picker the time and the call", () => {
  const set = candidates(1, 1);
  const pick = vi.fn(() => set[0] as Candidate);
  safePicker(() => ({ pick }), ignore)(set, undefined, mulberry32(1)).pick(42, pickInfo);
  expect(pick).toHaveBeenCalledExactlyOnceWith(42, pickInfo);
});

test("a pick may use `this`", () => {
  class Own implements Picker {
    readonly #set: readonly Candidate[];
    constructor(set: readonly Candidate[]) {
      this.#set = set;
    }
    pick(): Candidate {
      return this.#set[1] as Candidate;
    }
  }
  const set = candidates(1, 1);
  const picker = safePicker((all) => new Own(all), ignore)(set, undefined, mulberry32(1));
  expect(countOf(pickTimes(picker, 10), set[1]!)).toBe(10);
});

test("`previous` is what the user's factory made, not the guard round it", () => {
  const made: Picker[] = [];
  const seen: (Picker | undefined)[] = [];
  const factory = safePicker((set, previous) => {
    seen.push(previous);
    made.push({ pick: () => set[0] as Candidate });
    return made.at(-1) as Picker;
  }, ignore);
  const set = candidates(1, 1);
  factory(set, factory(set, undefined, mulberry32(1)), mulberry32(1));
  expect(seen).toEqual([undefined, made[0]]);
});

test("after a factory that failed, `previous` is undefined", () => {
  const seen: (Picker | undefined)[] = [];
  let fail = true;
  const factory = safePicker((set, previous) => {
    seen.push(previous);
    if (fail) broken();
    return { pick: () => set[0] as Candidate };
  }, ignore);
  const set = candidates(1, 1);
  const first = factory(set, undefined, mulberry32(1));
  fail = false;
  factory(set, first, mulberry32(1));
  expect(seen).toEqual([undefined, undefined]);
});
