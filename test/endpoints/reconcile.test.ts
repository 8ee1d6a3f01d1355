import { beforeEach, describe, expect, test } from "vitest";
import type { EndpointSpec } from "../../src/endpoint.ts";
import { EndpointState } from "../../src/endpoints/endpoint-state.ts";
import { reconcile } from "../../src/endpoints/reconcile.ts";
import { closable } from "../support/records.ts";

const MINUTE = 60_000;

let records: Map<string, EndpointState>;
beforeEach(() => {
  records = new Map();
});

function apply(specs: readonly EndpointSpec[], now = 0) {
  return reconcile(
    records,
    specs,
    (spec) => spec.name ?? "test",
    (key, endpoint) => new EndpointState(key, endpoint, 0, { breaker: false, random: () => 0 }),
    now,
  );
}

const spec = (address: string, more: Partial<EndpointSpec> = {}): EndpointSpec => ({ address, port: 80, ...more });
const addresses = (list: readonly EndpointState[]) => list.map(({ endpoint }) => endpoint.address);
const find = (address: string) => [...records.values()].find(({ endpoint }) => endpoint.address === address);
/** As the first call to it would. */
const use = (address: string) => {
  const record = find(address);
  if (record !== undefined) record.transport = closable();
  return record;
};
const weightOf = (address: string) => find(address)?.weight;

describe("identity", () => {
  test("an endpoint keeps its record over changes of the answer", () => {
    apply([spec("a"), spec("b")]);
    const a = find("a");
    apply([spec("c"), spec("a", { weight: 7, tier: 1 })]);
    expect(find("a")).toBe(a);
    expect(a).toMatchObject({ weight: 7, tier: 1 });
  });

  test.each<[string, EndpointSpec]>([
    ["port", { address: "a", port: 81, name: "x" }],
    ["address", { address: "b", port: 80, name: "x" }],
    ["verified name", { address: "a", port: 80, name: "y" }],
  ])("another %s is another endpoint", (_, other) => {
    apply([{ address: "a", port: 80, name: "x" }]);
    const { added, removed } = apply([other]);
    expect(added).toHaveLength(1);
    expect(removed).toHaveLength(1);
  });

  test("tells what came and what left", () => {
    expect(addresses(apply([spec("a"), spec("b")]).added)).toEqual(["a", "b"]);
    const { added, removed } = apply([spec("b"), spec("c")]);
    expect(addresses(added)).toEqual(["c"]);
    expect(addresses(removed)).toEqual(["a"]);
  });

  test("the order of an answer means nothing", () => {
    apply([spec("a"), spec("b")]);
    expect(apply([spec("b"), spec("a")])).toMatchObject({ added: [], removed: [] });
  });

  test("shows what the source says now", () => {
    apply([spec("a", { metadata: { zone: "1" } })]);
    const a = find("a");
    apply([spec("a", { metadata: { zone: "2" } })]);
    expect(find("a")).toBe(a);
    expect(a?.endpoint.metadata).toEqual({ zone: "2" });
  });

  test("an endpoint of which the source says the same stays the same object", () => {
    apply([spec("a", { metadata: { zone: "1" } })]);
    const endpoint = find("a")?.endpoint;
    apply([spec("a", { metadata: { zone: "1" } }), spec("b")]);
    expect(find("a")?.endpoint).toBe(endpoint);
  });
});

describe("leaving", () => {
  test("an idle endpoint closes at once", () => {
    apply([spec("a"), spec("b")]);
    const transport = closable();
    find("a")!.transport = transport;
    apply([spec("b")]);
    expect(transport.closed).toBe(1);
  });

  test("a busy endpoint closes with its last call", () => {
    apply([spec("a"), spec("b")]);
    const transport = closable();
    const a = find("a")!;
    a.transport = transport;
    a.inFlight = 1;
    apply([spec("b")]);
    expect(transport.closed).toBe(0);
    a.end();
    expect(transport.closed).toBe(1);
  });

  test("a busy endpoint that comes back in time is not closed", () => {
    apply([spec("a"), spec("b")]);
    const transport = closable();
    const a = find("a")!;
    a.transport = transport;
    a.inFlight = 1;
    apply([spec("b")]);
    apply([spec("a"), spec("b")]);
    a.end();
    expect(transport.closed).toBe(0);
  });

  test("the record of an endpoint that was used is kept for 10 minutes and comes back with the endpoint", () => {
    apply([spec("a"), spec("b")]);
    const a = use("a");
    apply([spec("b")], MINUTE);
    const { added } = apply([spec("a"), spec("b")], 11 * MINUTE);
    expect(find("a")).toBe(a);
    expect(added).toEqual([a]);
    expect(a?.leftAt).toBeUndefined();
  });

  test("nothing is kept of an endpoint that was never used", () => {
    apply(Array.from({ length: 1_000 }, (_, i) => spec(`${i}`)));
    apply([spec("b")], 1);
    expect([...records.values()].map(({ endpoint }) => endpoint.address)).toEqual([find("b")?.endpoint.address]);
  });

  test("an endpoint that comes back later is a new one", () => {
    apply([spec("a"), spec("b")]);
    const a = use("a");
    apply([spec("b")], MINUTE);
    const { added } = apply([spec("a"), spec("b")], 11 * MINUTE + 1);
    expect(find("a")).not.toBe(a);
    expect(added).toHaveLength(1);
  });

  test("records that left long ago are forgotten with the next answer", () => {
    for (let i = 0; i < 100; i++) apply([spec(`${i}`)], i * MINUTE);
    expect(records.size).toBeLessThanOrEqual(12);
  });

  test("a record with calls under way is not forgotten", () => {
    apply([spec("a"), spec("b")]);
    const a = find("a")!;
    a.inFlight = 1;
    apply([spec("b")]);
    apply([spec("b"), spec("c")], 60 * MINUTE);
    expect(find("a")).toBe(a);
  });

  test("a clock that goes back by a day keeps no record for a day", () => {
    apply([spec("a"), spec("b")], 1e12);
    apply([spec("b")], 1e12);
    apply([spec("b"), spec("c")], 1e12 - 24 * 60 * MINUTE);
    expect(find("a")).toBeUndefined();
  });
});

describe("weights", () => {
  test("are 1 where the source gives none", () => {
    apply([spec("a"), spec("b", { weight: 5 })]);
    expect([weightOf("a"), weightOf("b")]).toEqual([1, 5]);
  });

  test("0 is a hundredth of the smallest beside it", () => {
    apply([spec("a", { weight: 0 }), spec("b", { weight: 20 }), spec("c", { weight: 10 })]);
    expect(weightOf("a")).toBeCloseTo(0.1);
  });

  test("0 for all is the same for all", () => {
    apply([spec("a", { weight: 0 }), spec("b", { weight: 0 })]);
    expect([weightOf("a"), weightOf("b")]).toEqual([1, 1]);
  });

  test("0 is measured by its own tier", () => {
    apply([spec("a", { weight: 0, tier: 1 }), spec("b", { weight: 100 }), spec("c", { weight: 1_000, tier: 1 })]);
    expect(weightOf("a")).toBeCloseTo(10);
  });

  test("a weight that was 0 and is given back counts in full", () => {
    apply([spec("a", { weight: 0 }), spec("b", { weight: 10 })]);
    apply([spec("a", { weight: 10 }), spec("b", { weight: 10 })]);
    expect(weightOf("a")).toBe(10);
  });
});

describe("tiers", () => {
  test("come in their order, whatever the answer's", () => {
    const { tiers } = apply([
      spec("a", { tier: 20 }),
      spec("b", { tier: 3 }),
      spec("c"),
      spec("d", { tier: 20 }),
      spec("e", { tier: -1 }),
    ]);
    expect(tiers.map(addresses)).toEqual([["e"], ["c"], ["b"], ["a", "d"]]);
  });
});

describe("an endpoint listed twice", () => {
  test("is one endpoint, with both weights", () => {
    const { tiers, added } = apply([spec("a", { weight: 2 }), spec("b"), spec("a", { weight: 3 })]);
    expect(tiers.map(addresses)).toEqual([["a", "b"]]);
    expect(added).toHaveLength(2);
    expect(weightOf("a")).toBe(5);
  });

  test.each([
    ["the better first", [0, 1]],
    ["the worse first", [1, 0]],
  ])("belongs to its better tier, with the weight that it has there: %s", (_, [first, second]) => {
    const weight = (tier: number | undefined) => (tier === 0 ? 2 : 50);
    const { tiers } = apply([
      spec("a", { tier: first!, weight: weight(first) }),
      spec("a", { tier: second!, weight: weight(second) }),
      spec("b"),
    ]);
    expect(tiers).toHaveLength(1);
    expect(weightOf("a")).toBe(2);
  });

  test("counts as new once, also when it comes back", () => {
    apply([spec("a"), spec("b")]);
    apply([spec("b")]);
    expect(apply([spec("a", { tier: 1 }), spec("a"), spec("b")]).added).toHaveLength(1);
  });
});
