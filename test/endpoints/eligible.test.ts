import { describe, expect, test } from "vitest";
import { eligibleView } from "../../src/endpoints/eligible.ts";
import type { EndpointState } from "../../src/endpoints/endpoint-state.ts";
import { eject, record } from "../support/records.ts";

const names = (records: readonly EndpointState[]) => records.map(({ key }) => key);

function tier(number: number, ...keys: string[]): EndpointState[] {
  return keys.map((key) => record(key, { tier: number }));
}

async function ejectAll(records: readonly EndpointState[], kind: "connect" | "answered", now = 0): Promise<void> {
  for (const each of records) await eject(each, kind, now);
}

describe("(a) the first tier with an eligible endpoint", () => {
  test("is all of the first one as long as nothing failed", () => {
    const view = eligibleView([tier(0, "a", "b"), tier(1, "c")], 0);
    expect(names(view.members)).toEqual(["a", "b"]);
    expect(view).toMatchObject({ tier: 0, mode: "eligible", changesAt: Number.POSITIVE_INFINITY });
  });

  test("leaves out what is ejected", async () => {
    const first = tier(0, "a", "b", "c");
    await ejectAll(first.slice(0, 1), "answered");
    expect(names(eligibleView([first], 0).members)).toEqual(["b", "c"]);
  });

  test("is the first one as long as one endpoint of it is left, out of many", async () => {
    const first = tier(0, "a", "b", "c", "d", "e");
    await ejectAll(first.slice(1), "answered");
    const view = eligibleView([first, tier(1, "z")], 0);
    expect(names(view.members)).toEqual(["a"]);
    expect(view.mode).toBe("eligible");
  });

  test("is the next one when none is left", async () => {
    const first = tier(10, "a", "b");
    await ejectAll(first, "connect");
    const view = eligibleView([first, tier(20, "c"), tier(30, "d")], 0);
    expect(names(view.members)).toEqual(["c"]);
    expect(view.tier).toBe(20);
  });

  test("is the first one again when one of its endpoints may be tried", async () => {
    const first = tier(0, "a", "b");
    await ejectAll(first, "connect");
    const tiers = [first, tier(1, "c")];
    const { changesAt } = eligibleView(tiers, 0);
    expect(changesAt).toBeCloseTo(1_000);
    expect(eligibleView(tiers, Math.ceil(changesAt)).tier).toBe(0);
  });

  test("needs no breakers", () => {
    const view = eligibleView([[record("a", { breaker: false })]], 0);
    expect(names(view.members)).toEqual(["a"]);
    expect(view.changesAt).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("half-open", () => {
  test("an endpoint belongs to the set until its probe runs", async () => {
    const [a, b] = tier(0, "a", "b") as [EndpointState, EndpointState];
    await eject(a, "connect", 0);
    expect(names(eligibleView([[a, b]], 999).members)).toEqual(["b"]);
    expect(names(eligibleView([[a, b]], 1_000).members)).toEqual(["a", "b"]);
    const permit = a.breaker?.start(1_000);
    expect(names(eligibleView([[a, b]], 1_000).members)).toEqual(["b"]);
    a.breaker?.cancelled(permit!);
    expect(names(eligibleView([[a, b]], 1_000).members)).toEqual(["a", "b"]);
  });

  test("a probe that runs changes nothing by the clock before it expires", async () => {
    const [a, b] = tier(0, "a", "b") as [EndpointState, EndpointState];
    await eject(a, "connect", 0);
    a.breaker?.start(1_000);
    expect(eligibleView([[a, b]], 1_000).changesAt).toBe(11_000);
    expect(names(eligibleView([[a, b]], 10_999).members)).toEqual(["b"]);
    expect(names(eligibleView([[a, b]], 11_000).members)).toEqual(["a", "b"]);
  });

  test("the view changes when the first of several may be tried", async () => {
    const [a, b, c] = tier(0, "a", "b", "c") as [EndpointState, EndpointState, EndpointState];
    await eject(a, "answered", 0);
    await eject(b, "connect", 500);
    expect(eligibleView([[a, b, c]], 500).changesAt).toBeCloseTo(1_500);
  });
});

describe("(b) panic in the last tier", () => {
  test("brings back what answered badly when less than half is eligible", async () => {
    const all = tier(0, "a", "b", "c");
    await ejectAll(all.slice(0, 2), "answered");
    const view = eligibleView([all], 0);
    expect(names(view.members)).toEqual(["a", "b", "c"]);
    expect(view.mode).toBe("panic");
  });

  test("does not at half", async () => {
    const all = tier(0, "a", "b", "c", "d");
    await ejectAll(all.slice(0, 2), "answered");
    expect(names(eligibleView([all], 0).members)).toEqual(["c", "d"]);
  });

  test("leaves out what refused connections", async () => {
    const all = tier(0, "a", "b", "c", "d");
    await ejectAll(all.slice(0, 1), "connect");
    await ejectAll(all.slice(1, 3), "answered");
    const view = eligibleView([all], 0);
    expect(names(view.members)).toEqual(["b", "c", "d"]);
    expect(view.mode).toBe("panic");
  });

  test("is none where only what refused connections is out", async () => {
    const all = tier(0, "a", "b", "c");
    await ejectAll(all.slice(0, 2), "connect");
    const view = eligibleView([all], 0);
    expect(names(view.members)).toEqual(["c"]);
    expect(view.mode).toBe("eligible");
  });

  test("is measured by weight", async () => {
    const heavy = record("heavy", { weight: 9 });
    const light = tier(0, "a", "b", "c");
    await ejectAll(light, "answered");
    expect(eligibleView([[heavy, ...light]], 0).mode).toBe("eligible");
    const other = record("heavy", { weight: 9 });
    await eject(other, "answered", 0);
    expect(eligibleView([[other, ...tier(0, "a", "b", "c")]], 0).mode).toBe("panic");
  });

  test("is for the last tier, when the ones before are out", async () => {
    const first = tier(0, "a");
    const last = tier(1, "b", "c", "d");
    await ejectAll(first, "connect");
    await ejectAll(last.slice(1), "answered");
    const view = eligibleView([first, last], 0);
    expect(names(view.members)).toEqual(["b", "c", "d"]);
    expect(view).toMatchObject({ tier: 1, mode: "panic" });
  });

  test("ends by the clock, when enough of them may be tried", async () => {
    const all = tier(0, "a", "b", "c");
    await ejectAll(all.slice(0, 2), "answered");
    const { changesAt } = eligibleView([all], 0);
    expect(changesAt).toBeCloseTo(5_000);
    expect(eligibleView([all], Math.ceil(changesAt)).mode).toBe("eligible");
  });
});

describe("(c) nothing eligible anywhere", () => {
  test("is the first tier, all of it, whatever happened there", async () => {
    const first = tier(0, "a", "b");
    const last = tier(1, "c");
    await ejectAll(first.slice(0, 1), "connect");
    await ejectAll(first.slice(1), "answered");
    await ejectAll(last, "answered");
    const view = eligibleView([first, last], 0);
    expect(names(view.members)).toEqual(["a", "b"]);
    expect(view).toMatchObject({ tier: 0, mode: "none-eligible" });
  });

  test("ends when the first of any tier may be tried", async () => {
    const first = tier(0, "a");
    const last = tier(1, "b");
    await ejectAll(first, "answered");
    await ejectAll(last, "connect");
    const { changesAt } = eligibleView([first, last], 0);
    expect(changesAt).toBeCloseTo(1_000);
    expect(names(eligibleView([first, last], Math.ceil(changesAt)).members)).toEqual(["b"]);
  });

  test("is a single endpoint while its probe runs", async () => {
    const [a] = tier(0, "a") as [EndpointState];
    await eject(a, "connect", 0);
    a.breaker?.start(1_000);
    expect(names(eligibleView([[a]], 1_000).members)).toEqual(["a"]);
  });
});

test("a clock that went back leaves nobody out", async () => {
  const all = tier(0, "a", "b");
  await ejectAll(all, "connect", 3_600_000);
  const view = eligibleView([all], 0);
  expect(names(view.members)).toEqual(["a", "b"]);
  expect(view.mode).toBe("eligible");
});
