import { describe, expect, test } from "vitest";
import { CachedResolver, NoAnswerError } from "../../src/discovery/cached-resolver.ts";
import type { Resolution } from "../../src/discovery/resolver.ts";
import { FakeRuntime, settled } from "../support/fake-runtime.ts";
import { noListener } from "../support/no-listener.ts";

// When an answer is asked for again, how long it is used meanwhile, and when an empty one is believed: at their limits.

const LIMITS = { minTtlMs: 5_000, maxTtlMs: 300_000, maxStaleMs: 3_600_000 };
const good: Resolution = { kind: "endpoints", endpoints: [{ address: "10.0.0.1", port: 80 }], ttlMs: 10_000 };
const other: Resolution = { kind: "endpoints", endpoints: [{ address: "10.0.0.2", port: 80 }], ttlMs: 10_000 };
const empty = (ttlMs: number): Resolution => ({ kind: "empty", ttlMs, reason: "NXDOMAIN" });
const hanging = () => new Promise<never>(() => {});
const noLimit = { signal: undefined, deadline: Number.POSITIVE_INFINITY };
const never = Number.NEGATIVE_INFINITY;

/** A directory whose resolver says what `says` does; what was drawn is always `random`. */
function cachedResolverOf(says: (lookUp: number) => Resolution | Promise<Resolution>, random = 0.5) {
  const runtime = new FakeRuntime({ random: () => random, globalTimers: true });
  let lookUps = 0;
  const resolver = { target: "test", resolve: async () => says(++lookUps) };
  const directory = new CachedResolver(resolver, LIMITS, runtime, noListener);
  return {
    runtime,
    directory,
    get lookUps() {
      return lookUps;
    },
    /** The addresses that a call gets at once at this time; undefined if it must wait. */
    at(time: number) {
      runtime.time = time;
      return directory.peek(time)?.endpoints.map(({ address }) => address);
    },
    /** What a call gets that waits, and after how long. */
    async waits(deadline: number) {
      const startedAt = runtime.time;
      let tookMs: number | undefined;
      const outcome = directory.get({ signal: undefined, deadline }).then(
        ({ endpoints }) => endpoints.map(({ address }) => address),
        (error: unknown) => error,
      );
      void outcome.then(() => {
        tookMs = runtime.time - startedAt;
      });
      for (let ms = 0; ms < 20_000 && tookMs === undefined; ms += 50) await runtime.advance(50);
      return { outcome: await outcome, tookMs };
    },
  };
}

describe("a good answer", () => {
  test.each([
    [0, 8_000],
    [0.5, 9_000],
    [1 - Number.EPSILON, 10_000],
  ])("is fresh for a random part of its TTL: drawn %d, %i ms of 10 s", async (random, freshMs) => {
    const asked = cachedResolverOf(() => good, random);
    await asked.directory.get(noLimit);
    const bornAt = asked.runtime.time;
    expect(asked.at(bornAt + freshMs - 1)).toEqual(["10.0.0.1"]);
    expect(asked.lookUps).toBe(1);
    expect(asked.at(bornAt + freshMs + 1)).toEqual(["10.0.0.1"]);
    expect(asked.lookUps).toBe(2);
  });

  test.each([
    [0, 5_000],
    [60_000, 60_000],
    [Number.POSITIVE_INFINITY, 300_000],
    [undefined, 5_000],
  ])("of a TTL of %s ms is used for %d ms", async (ttlMs, expected) => {
    const { directory } = cachedResolverOf(() => ({ ...good, ttlMs }) as Resolution);
    await directory.get(noLimit);
    expect(directory.answer?.ttlMs).toBe(expected);
  });

  test("is used at once up to twice its TTL, then after 500 ms if no other comes", async () => {
    const asked = cachedResolverOf((lookUp) => (lookUp === 1 ? good : hanging()));
    await asked.directory.get(noLimit);
    const bornAt = asked.runtime.time;
    expect(asked.at(bornAt + 20_000)).toEqual(["10.0.0.1"]);
    await asked.runtime.advance(5_000);
    // The look-up beside has failed by its limit; this is the next one.
    expect(asked.at(bornAt + 40_000)).toBeUndefined();
    expect(await asked.waits(Number.POSITIVE_INFINITY)).toEqual({ outcome: ["10.0.0.1"], tookMs: 500 });
  });

  test("is waited with for half of a call's time at most", async () => {
    const asked = cachedResolverOf((lookUp) => (lookUp === 1 ? good : hanging()));
    await asked.directory.get(noLimit);
    expect(asked.at(asked.runtime.time + 20_001)).toBeUndefined();
    expect(await asked.waits(asked.runtime.time + 400)).toEqual({ outcome: ["10.0.0.1"], tookMs: 200 });
  });

  test("older than the stale limit is used only when the look-up has failed", async () => {
    const asked = cachedResolverOf((lookUp) => (lookUp === 1 ? good : hanging()));
    await asked.directory.get(noLimit);
    expect(asked.at(asked.runtime.time + 3_600_001)).toBeUndefined();
    expect(await asked.waits(Number.POSITIVE_INFINITY)).toEqual({ outcome: ["10.0.0.1"], tookMs: 5_000 });
  });

  test("of an hour to come, by a clock that went back, is used while it is asked for again", async () => {
    const asked = cachedResolverOf((lookUp) => (lookUp === 1 ? good : other));
    await asked.directory.get(noLimit);
    expect(asked.at(asked.runtime.time - 3_600_000)).toEqual(["10.0.0.1"]);
    expect(asked.lookUps).toBe(2);
    await settled();
    expect(asked.at(asked.runtime.time)).toEqual(["10.0.0.2"]);
  });

  test("that came after the endpoint was chosen which failed is not doubted", async () => {
    const asked = cachedResolverOf(() => good);
    await asked.directory.get(noLimit);
    const { runtime, directory } = asked;
    const resolvedAt = runtime.time;
    runtime.time += 1_000;
    directory.hintStale(runtime.time, resolvedAt - 1, never);
    directory.hintStale(runtime.time, resolvedAt, never);
    expect(asked.lookUps).toBe(1);
    directory.hintStale(runtime.time, resolvedAt + 1, never);
    expect(asked.lookUps).toBe(2);
  });
});

describe("an empty answer", () => {
  test.each([
    [0, 1_000],
    [3_000, 3_000],
    [60_000, 5_000],
  ])("of a TTL of %i ms is held for %i ms", async (ttlMs, heldMs) => {
    const asked = cachedResolverOf(() => empty(ttlMs));
    await asked.directory.get(noLimit);
    const bornAt = asked.runtime.time;
    expect(asked.at(bornAt + heldMs)).toEqual([]);
    expect(asked.lookUps).toBe(1);
    expect(asked.at(bornAt + heldMs + 1)).toBeUndefined();
    expect(asked.lookUps).toBe(2);
  });

  test.each([
    ["three within 29 s are not", [0, 10_000, 29_999], false],
    ["three over 30 s are", [0, 10_000, 30_000], true],
    ["two over a minute are not", [0, 60_000], false],
    ["a good one among them begins anew", [0, 10_000, 20_000, "good", 30_000, 40_000], false],
  ] as const)("is believed after a good one when confirmed: %s", async (_, times, believed) => {
    let says: Resolution = good;
    const { directory, runtime } = cachedResolverOf(() => says);
    await directory.get(noLimit);
    const firstAt = runtime.time;
    for (const time of times) {
      says = time === "good" ? good : empty(0);
      if (time !== "good") runtime.time = firstAt + time;
      await directory.refresh(undefined);
    }
    expect(directory.answer?.endpoints).toHaveLength(believed ? 0 : 1);
  });
});

describe("a failed look-up", () => {
  const failing = () => Promise.reject(new Error("SERVFAIL"));

  test.each([
    ["on average", 0.5, 1],
    ["at least", 0, 0.8],
    ["at most", 1 - Number.EPSILON, 1.2],
  ])("is made again after 1 s × 1.6ⁿ up to 30 s, %s", async (_, random, factor) => {
    const asked = cachedResolverOf(failing, random);
    for (let failures = 0; failures < 12; failures++) {
      asked.at(asked.runtime.time);
      await settled();
      expect(asked.lookUps).toBe(failures + 1);
      const failedAt = asked.runtime.time;
      const pauseMs = Math.min(30_000, 1_000 * 1.6 ** failures) * factor;
      expect(asked.at(failedAt + pauseMs - 1)).toBeUndefined();
      expect(asked.lookUps).toBe(failures + 1);
      asked.runtime.time = failedAt + pauseMs + 1;
    }
  });

  test("after a success begins with 1 s again", async () => {
    const asked = cachedResolverOf((lookUp) => (lookUp === 4 ? good : failing()));
    for (let lookUp = 0; lookUp < 5; lookUp++) {
      await asked.directory.refresh(undefined).catch(() => {});
    }
    const failedAt = asked.runtime.time;
    asked.at(failedAt + 60_000);
    expect(asked.lookUps).toBe(6);
    await settled();
    asked.at(failedAt + 60_000 + 1_500);
    expect(asked.lookUps).toBe(6);
    asked.at(failedAt + 60_000 + 1_601);
    expect(asked.lookUps).toBe(7);
  });

  test("without an older answer fails the call, with its reason", async () => {
    const { directory } = cachedResolverOf(failing);
    const failure = await directory.get(noLimit).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(NoAnswerError);
    expect(failure).toMatchObject({ message: "test: SERVFAIL", cause: { message: "SERVFAIL" } });
  });
});

test("a look-up that was frozen with the process, and fails when it goes on, delays no look-up: it failed long ago", async () => {
  const asked = cachedResolverOf((lookUp) => (lookUp === 1 ? hanging() : good));
  void asked.directory.get(noLimit).catch(() => {});
  await asked.runtime.advance(2_000);
  asked.runtime.time += 600_000;
  await asked.runtime.advance(3_000);
  expect(asked.directory.lookUpError).toMatchObject({ message: "no answer within 5000 ms" });
  expect((await asked.waits(asked.runtime.time + 1_000)).outcome).toEqual(["10.0.0.1"]);
});

test("a look-up that was frozen with the process is made again for the next call, and what it finds is dropped", async () => {
  const answers: ((resolution: Resolution) => void)[] = [];
  const asked = cachedResolverOf(() => new Promise((resolve) => answers.push(resolve)));
  const first = asked.directory.get(noLimit);
  await settled();
  const askedAt = asked.runtime.time;
  // Its own timer ends it within 5 s of its running.
  asked.at(askedAt + 5_249);
  expect(asked.lookUps).toBe(1);
  asked.at(askedAt + 5_250);
  expect(asked.lookUps).toBe(2);
  answers[0]?.(good);
  await settled();
  expect(asked.directory.answer).toBeUndefined();
  answers[1]?.(other);
  await settled();
  expect(asked.at(asked.runtime.time)).toEqual(["10.0.0.2"]);
  expect((await first).endpoints).toEqual(other.endpoints);
});
