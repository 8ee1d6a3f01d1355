import { describe, expect, test, vi } from "vitest";
import type { EndpointSpec } from "../../src/endpoint.ts";
import type { EndpointState } from "../../src/endpoints/endpoint-state.ts";
import { Pool } from "../../src/endpoints/pool.ts";
import type { PickerFactory } from "../../src/pickers/picker.ts";
import { roundRobin } from "../../src/pickers/round-robin.ts";
import { pickInfo } from "../support/candidates.ts";
import { mulberry32 } from "../support/fake-runtime.ts";
import { BREAKER_LIMITS, closable, eject } from "../support/records.ts";

const specs = (...list: (string | [string, number])[]): EndpointSpec[] =>
  list.map((entry) =>
    typeof entry === "string" ? { address: entry, port: 80 } : { address: entry[0], port: 80, tier: entry[1] },
  );

/** The picker is round robin from the first on, so that picks are known, and times out are the longest; `picker` tells how often it was made. */
function setUp(list: EndpointSpec[], breaker: typeof BREAKER_LIMITS | false = BREAKER_LIMITS) {
  const picker = vi.fn<PickerFactory>((set, previous) => roundRobin(set, previous, () => 0));
  const pool = new Pool({ picker, breaker, verifiedName: () => "test", random: () => 1 - Number.EPSILON });
  pool.update(list, 0);
  const find = (address: string) => pool.tiers.flat().find(({ endpoint }) => endpoint.address === address)!;
  const out = async (address: string, kind: "connect" | "answered", now = 0) => {
    await eject(find(address), kind, now);
    pool.invalidate();
  };
  const triedOf = (tried: string[]) => new Set<EndpointState>(tried.map(find));
  const untried = (tried: string[], { now = 0 } = {}) =>
    pool.pickUntried(now, pickInfo, triedOf(tried))?.endpoint.address;
  const forUnsent = (tried: string[], { now = 0 } = {}) =>
    pool.pickForUnsent(now, pickInfo, triedOf(tried))?.endpoint.address;
  return { pool, picker, find, out, untried, forUnsent };
}

describe("pick", () => {
  test.each([
    ["refused", "b"],
    ["connect", "a"],
    ["answered", "a"],
  ] as const)("of one whose trial is due after a failure of kind %s: %s goes next", async (kind, next) => {
    const { pool, find, picker } = setUp(specs("a", "b"));
    picker.mockImplementation((candidates) => ({ pick: () => candidates[0] as EndpointState }));
    await eject(find("b"), kind, 0);
    pool.invalidate();
    const dueAt = find("b").breaker?.changesAt as number;
    expect(pool.pick(dueAt - 1, pickInfo).endpoint.address).toBe("a");
    expect(pool.pick(dueAt, pickInfo).endpoint.address).toBe(next);
  });
});

describe("update", () => {
  test("is nothing where the answer is the one in use", () => {
    const list = specs("a");
    const { pool } = setUp(list);
    expect(pool.update(list, 1_000)).toBeUndefined();
  });

  test("keeps ejections, load and calls under way", async () => {
    const { pool, find, out } = setUp(specs("a", "b"));
    find("a").inFlight = 3;
    find("a").addFailure(0);
    await out("b", "answered");
    pool.update(specs("b", "a", "c"), 0);
    expect(find("a")).toMatchObject({ inFlight: 3 });
    expect(find("a").load(0)).toBeGreaterThan(0);
    expect(find("b").breaker?.state(0)).toBe("ejected");
  });

  test("draws the process's order with the first answer and keeps it", () => {
    const random = vi.fn(mulberry32(1));
    const pool = new Pool({ picker: roundRobin, breaker: false, verifiedName: () => "test", random });
    expect(random).not.toHaveBeenCalled();
    pool.update(specs("a"), 0);
    pool.update(specs("a", "b"), 0);
    expect(random).toHaveBeenCalledTimes(1);
  });

  test("gives two processes orders of their own", () => {
    const ranks = [1, 2].map((seed) => {
      const pool = new Pool({
        picker: roundRobin,
        breaker: false,
        verifiedName: () => "test",
        random: mulberry32(seed),
      });
      pool.update(specs("a"), 0);
      return pool.tiers[0]?.[0]?.rank;
    });
    expect(ranks[0]).not.toBe(ranks[1]);
  });
});

describe("the view", () => {
  const pick = (pool: Pool, now: number) => pool.pick(now, pickInfo).endpoint.address;

  test("is cached: a thousand picks make one picker", () => {
    const { pool, picker } = setUp(specs("a", "b"));
    for (let now = 0; now < 1_000; now++) pick(pool, now * 60_000);
    expect(picker).toHaveBeenCalledTimes(1);
  });

  test("is made anew when the clock changes it, and not before", async () => {
    const { pool, picker, out } = setUp(specs("a", "b"));
    await out("a", "connect");
    for (const now of [0, 500, 999]) expect(pick(pool, now)).toBe("b");
    expect(picker).toHaveBeenCalledTimes(1);
    pick(pool, 1_000);
    expect(picker).toHaveBeenCalledTimes(2);
    expect(picker.mock.lastCall?.[0]).toHaveLength(2);
  });

  test("is made anew when the clock goes back", async () => {
    const { pool, out } = setUp(specs("a", "b"));
    await out("a", "connect", 3_600_000);
    expect(pick(pool, 3_600_000)).toBe("b");
    expect(pool.view(0).members).toHaveLength(2);
  });

  test("is made anew after an update or an invalidation, with the picker before it", () => {
    const { pool, picker } = setUp(specs("a", "b"));
    pick(pool, 0);
    pool.update(specs("a", "b", "c"), 0);
    pick(pool, 0);
    pool.invalidate();
    pick(pool, 0);
    expect(picker).toHaveBeenCalledTimes(3);
    expect(picker.mock.calls.map(([, previous]) => previous)).toEqual([
      undefined,
      picker.mock.results[0]?.value,
      picker.mock.results[1]?.value,
    ]);
  });

  test("shows the picker only what is eligible", async () => {
    const { pool, picker, out } = setUp(specs("a", "b", ["c", 1]));
    await out("a", "answered");
    pick(pool, 0);
    expect(picker.mock.lastCall?.[0].map(({ endpoint }) => endpoint.address)).toEqual(["b"]);
  });

  test("an endpoint whose probe was cancelled is seen at once", async () => {
    const { pool, find, out } = setUp(specs("a", "b"));
    await out("a", "connect");
    const { breaker } = find("a");
    const permit = breaker?.start(1_000);
    pool.invalidate();
    expect(pool.view(1_000).members).toHaveLength(1);
    // As the call layer does: it cancels, and invalidates in the same turn.
    breaker?.cancelled(permit!);
    pool.invalidate();
    expect(pool.view(1_000).members).toHaveLength(2);
  });
});

describe("an untried endpoint", () => {
  test("is one of the tier in use", () => {
    const { untried } = setUp(specs("a", "b", "c", ["d", 1]));
    expect(untried(["a", "b"])).toBe("c");
  });

  test("is one of the next tier when all of the one in use were tried", () => {
    const { untried } = setUp(specs("a", ["b", 1], ["c", 2]));
    expect(untried(["a"])).toBe("b");
    expect(untried(["a", "b"])).toBe("c");
  });

  test("is none when all were tried", () => {
    const { untried } = setUp(specs("a", ["b", 1]));
    expect(untried(["a", "b"])).toBeUndefined();
  });

  test("is never one of a tier before the one in use", async () => {
    const { untried, out } = setUp(specs("a", ["b", 1]));
    await out("a", "answered");
    expect(untried(["b"])).toBeUndefined();
  });

  test("is not an ejected one", async () => {
    const { untried, out } = setUp(specs("a", "b", ["c", 1], ["d", 1]));
    await out("b", "connect");
    await out("c", "connect");
    expect(untried(["a"])).toBe("d");
  });

  test("may be half-open", async () => {
    const { untried, out } = setUp(specs("a", "b"));
    await out("b", "connect");
    expect(untried(["a"], { now: 1_000 })).toBe("b");
  });

  test("may be an ejected one in panic", async () => {
    const { untried, out } = setUp(specs("a", "b", "c"));
    await out("b", "answered");
    await out("c", "answered");
    expect(untried(["a", "b"])).toBe("c");
  });

  test("is any of the first tier when nothing is eligible", async () => {
    const { untried, out } = setUp(specs("a", "b"));
    await out("a", "connect");
    await out("b", "connect");
    expect(untried(["a"])).toBe("b");
  });

  test("is drawn by a picker of its own, which carries nothing over", () => {
    const { pool, picker, untried } = setUp(specs("a", "b", "c"));
    pool.pick(0, pickInfo);
    untried(["a"]);
    expect(picker.mock.lastCall?.[1]).toBeUndefined();
    pool.pick(0, pickInfo);
    expect(picker).toHaveBeenCalledTimes(2);
  });
});

describe("an endpoint for a request that never left", () => {
  test("is a closed one, of the tier in use, then of those after it", async () => {
    const { forUnsent, out } = setUp(specs("a", "b", "c", ["d", 1]));
    await out("b", "connect");
    expect(forUnsent(["a"])).toBe("c");
    expect(forUnsent(["a", "c"])).toBe("d");
  });

  test("is a closed one of a later tier before a half-open one, and then that, as its probe", async () => {
    const { forUnsent, out } = setUp(specs("a", "b", ["c", 1]));
    await out("b", "connect");
    expect(forUnsent(["a"], { now: 1_000 })).toBe("c");
    expect(forUnsent(["a", "c"], { now: 1_000 })).toBe("b");
  });

  test("is one that answered badly where no other is eligible, and never one that could not be reached", async () => {
    const { forUnsent, out } = setUp(specs("a", "b", "c"));
    await out("a", "connect");
    await out("b", "connect");
    await out("c", "answered");
    expect(forUnsent(["a"])).toBe("c");
    expect(forUnsent(["a", "c"])).toBeUndefined();
  });

  test("is one that answered badly in panic", async () => {
    const { forUnsent, out } = setUp(specs("a", "b", "c"));
    await out("b", "answered");
    await out("c", "answered");
    expect(forUnsent(["b"])).toBe("a");
    expect(forUnsent(["a", "b"])).toBe("c");
  });

  test("is one that answered badly in any tier, where nothing is eligible", async () => {
    const { forUnsent, out } = setUp(specs("a", ["b", 1]));
    await out("a", "connect");
    await out("b", "answered");
    expect(forUnsent(["a"])).toBe("b");
  });

  test("is one that answered badly where trials alone are eligible, and have been tried", async () => {
    const { forUnsent, out } = setUp(specs("a", "b", ["c", 1]));
    await out("a", "answered");
    await out("b", "connect");
    await out("c", "connect");
    expect(forUnsent(["b"], { now: 1_000 })).toBe("c");
    expect(forUnsent(["b", "c"], { now: 1_000 })).toBe("a");
  });

  test("is not one that answered badly while half of the weight is well", async () => {
    const { forUnsent, out } = setUp(specs("a", "b", "c", "d"));
    await out("d", "answered");
    expect(forUnsent(["a", "b", "c"])).toBeUndefined();
  });

  test("is none when all were tried", () => {
    expect(setUp(specs("a", ["b", 1])).forUnsent(["a", "b"])).toBeUndefined();
  });
});

test("without breakers every endpoint is always eligible", async () => {
  const { pool, find } = setUp(specs("a", "b"), false);
  expect(await find("a").failed(undefined, "connect", 0)).toBeUndefined();
  expect(pool.view(0).members).toHaveLength(2);
});

test("close() closes what is open, also of endpoints that left", () => {
  const { pool, find } = setUp(specs("a", "b"));
  const [a, b] = [closable(), closable()];
  find("a").transport = a;
  find("a").inFlight = 1;
  find("b").transport = b;
  pool.update(specs("b"), 0);
  pool.close();
  expect([a.closed, b.closed]).toEqual([1, 1]);
});
