import { describe, expect, it, test } from "vitest";
import { CachedResolver } from "../../src/discovery/cached-resolver.ts";
import { checkedResolver } from "../../src/discovery/check-resolution.ts";
import type { Resolution } from "../../src/discovery/resolver.ts";
import type { EndpointSpec } from "../../src/endpoint.ts";
import { FakeRuntime, mulberry32 } from "../support/fake-runtime.ts";
import { noListener } from "../support/no-listener.ts";

// Sources that show a random part of their endpoints at a time, as Route 53 and AWS Cloud Map do: eight at most.

const MINUTE = 60_000;
const noLimit = { signal: undefined, deadline: Number.POSITIVE_INFINITY };
const spec = (host: number): EndpointSpec => ({ address: `10.0.0.${host}`, port: 80 });
const hosts = (count: number, from = 1): number[] => Array.from({ length: count }, (_, i) => from + i);

/** A service whose hosts a test changes, behind a source that shows `most` of them at a time. */
function service(most: number, ttlMs = MINUTE) {
  const runtime = new FakeRuntime({ seed: 1 });
  const random = mulberry32(7);
  const state = { hosts: hosts(8), empty: false };
  const sample = () => {
    const left = [...state.hosts];
    return Array.from({ length: Math.min(most, left.length) }, () =>
      left.splice(Math.floor(random() * left.length), 1),
    ).flat();
  };
  let answer = (): Resolution =>
    state.empty
      ? { kind: "empty", ttlMs: 0, reason: "NXDOMAIN" }
      : { kind: "endpoints", endpoints: sample().map(spec), ttlMs, partial: state.hosts.length >= most };
  const directory = new CachedResolver(
    checkedResolver({ target: "test", resolve: async () => answer() }, "target", false),
    { minTtlMs: 5_000, maxTtlMs: 300_000, maxStaleMs: 3_600_000 },
    runtime,
    noListener,
  );
  return {
    state,
    runtime,
    directory,
    answerWith: (resolution: Resolution) => {
      answer = () => resolution;
    },
    /** Asks again after a while, and returns the hosts that are listed then. */
    async after(ms: number): Promise<number[]> {
      runtime.time += ms;
      await directory.refresh(undefined);
      const { endpoints } = await directory.get(noLimit);
      return endpoints.map(({ address }) => Number(address.split(".")[3])).sort((a, b) => a - b);
    },
  };
}

const part = (list: readonly number[], ttlMs = MINUTE): Resolution => ({
  kind: "endpoints",
  endpoints: list.map(spec),
  ttlMs,
  partial: true,
});

describe("samples of eight", () => {
  it.each([9, 16, 40])("of %i endpoints add up, and hardly any living one is dropped again", async (count) => {
    const { state, after } = service(8);
    state.hosts = hosts(count);
    const sizes: number[] = [];
    for (let minute = 0; minute < 200; minute++) sizes.push((await after(MINUTE)).length);
    expect(sizes[0]).toBe(8);
    const settled = sizes.slice(30);
    const mean = settled.reduce((sum, size) => sum + size, 0) / settled.length;
    // Ten samples of 8 of 40 show 89 % of them; all of them cannot be known.
    expect(mean / count).toBeGreaterThan(count === 40 ? 0.85 : 0.95);
  });

  it.each([
    [9, 2],
    [16, 5],
    [40, 10],
  ])("of %i: one that has gone is listed for no more than %i samples", async (count, samples) => {
    const { state, after } = service(8);
    state.hosts = hosts(count);
    let listed: number[] = [];
    for (let minute = 0; minute < 30 || !listed.includes(1); minute++) listed = await after(MINUTE);
    state.hosts = hosts(count - 1, 2);
    for (let sample = 0; sample < samples; sample++) listed = await after(MINUTE);
    expect(listed).not.toContain(1);
  });

  it("that become whole answers list what they list", async () => {
    const { state, after } = service(8);
    state.hosts = hosts(16);
    for (let minute = 0; minute < 10; minute++) await after(MINUTE);
    state.hosts = [3, 20];
    expect(await after(MINUTE)).toEqual([3, 20]);
  });

  it("are forgotten when the service is confirmed to be empty", async () => {
    const { state, after, directory, runtime } = service(8);
    state.hosts = hosts(16);
    for (let minute = 0; minute < 5; minute++) await after(MINUTE);
    state.empty = true;
    const sizes: number[] = [];
    for (let i = 0; i < 3; i++) sizes.push((await after(20_000)).length);
    expect(sizes.map((size) => size > 8)).toEqual([true, true, false]);
    expect(directory.answer?.endpoints).toEqual([]);
    state.empty = false;
    expect(await after(5_000)).toHaveLength(8);
    expect(runtime.timers).toBe(0);
  });

  it("stay while look-ups fail, however long", async () => {
    const { answerWith, after, directory, runtime } = service(8);
    answerWith(part([1, 2]));
    await after(0);
    answerWith(part([3, 4]));
    await after(MINUTE);
    answerWith({ kind: "nonsense" } as never);
    for (let minute = 0; minute < 90; minute++) {
      runtime.time += MINUTE;
      await directory.refresh(undefined).catch(() => {});
    }
    expect(directory.answer?.endpoints).toHaveLength(4);
  });
});

test("the same sample again within its TTL comes out of a cache, and says nothing of what it lacks", async () => {
  const { answerWith, after } = service(8);
  answerWith(part([1, 2, 3, 4]));
  await after(0);
  for (let second = 0; second < 50; second += 10) {
    answerWith(part([5, 6, 7, 8], MINUTE - second * 1_000));
    expect(await after(10_000)).toHaveLength(8);
  }
});

test("a cache repeats a sample for its own TTL, though it is asked more often than that (maxTtlMs: 5 min)", async () => {
  const { answerWith, after } = service(8);
  answerWith(part([1, 2, 3, 4, 5, 6, 7, 8]));
  await after(0);
  answerWith(part([2, 3, 4, 5, 6, 7, 8, 9], 10 * MINUTE));
  await after(MINUTE);
  // Two samples of eight of nine would have shown the first; this is one of them twice.
  expect(await after(5 * MINUTE)).toContain(1);
});

test("a sample that is older than ten minutes counts for nothing: addresses find other owners", async () => {
  const { answerWith, after } = service(8);
  answerWith(part([1, 2, 3, 4]));
  await after(0);
  answerWith(part([4, 5, 6, 7]));
  expect(await after(11 * MINUTE)).toEqual([4, 5, 6, 7]);
});

test("the latest sample has the weight and the name of an endpoint", async () => {
  const { answerWith, after, directory } = service(8);
  const at = (name: string, weight: number) => ({ ...spec(1), name, weight });
  const sample = (...endpoints: EndpointSpec[]): Resolution => ({
    kind: "endpoints",
    endpoints,
    ttlMs: MINUTE,
    partial: true,
  });
  answerWith(sample(at("a.test", 1), spec(2)));
  await after(0);
  answerWith(sample(at("a.test", 5), spec(3)));
  await after(MINUTE);
  expect(directory.answer?.endpoints).toContainEqual(at("a.test", 5));
  answerWith(sample(at("b.test", 5), spec(4)));
  await after(MINUTE);
  expect(directory.answer?.endpoints.filter(({ address }) => address === "10.0.0.1")).toEqual([at("b.test", 5)]);
});

test("a source that makes endpoints up does not fill the memory", async () => {
  const { answerWith, after } = service(8, 5_000);
  let listed = 0;
  for (let sample = 0; sample < 100; sample++) {
    answerWith({
      kind: "endpoints",
      endpoints: Array.from({ length: 200 }, (_, i) => ({ address: `10.${sample}.0.${i}`, port: 80 })),
      ttlMs: 0,
      partial: true,
    });
    listed = (await after(5_000)).length;
  }
  expect(listed).toBe(2_000);
});

test("the same list is the same object, so that nothing is rebuilt for it", async () => {
  const { answerWith, after, directory } = service(8);
  answerWith(part([1, 2, 3]));
  await after(0);
  answerWith(part([3, 4, 5]));
  await after(MINUTE);
  const before = directory.answer?.endpoints;
  answerWith(part([2, 4, 5]));
  await after(MINUTE);
  expect(directory.answer?.endpoints).toBe(before);
});
