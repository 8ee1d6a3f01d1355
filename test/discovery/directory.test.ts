import { describe, expect, it } from "vitest";
import { Directory } from "../../src/discovery/directory.ts";
import type { Resolution } from "../../src/discovery/resolver.ts";
import { FakeRuntime } from "../support/fake-runtime.ts";

const ages = { minTtlMs: 5_000, maxTtlMs: 300_000, maxStaleMs: 3_600_000 };
const good: Resolution = { kind: "endpoints", endpoints: [{ address: "10.0.0.1", port: 80 }], ttlMs: 10_000 };
const noLimit = { signal: undefined, deadline: Number.POSITIVE_INFINITY };

function directoryOf(answer: () => Resolution) {
  const runtime = new FakeRuntime({ seed: 1 });
  let lookUps = 0;
  const resolver = {
    target: "test",
    resolve: async () => {
      lookUps++;
      return answer();
    },
  };
  const directory = new Directory(resolver, ages, runtime, () => {});
  return { runtime, directory, lookUps: () => lookUps };
}

describe("a directory", () => {
  it("looks up once for a hundred calls at once, and not again while the answer is fresh", async () => {
    const { runtime, directory, lookUps } = directoryOf(() => good);
    await Promise.all(Array.from({ length: 100 }, () => directory.wait(noLimit)));
    runtime.time += 7_900;
    expect(directory.current(runtime.time)?.endpoints).toEqual(good.endpoints);
    expect(lookUps()).toBe(1);
  });

  it("uses a stale answer while one look-up runs beside", async () => {
    const { runtime, directory, lookUps } = directoryOf(() => good);
    await directory.wait(noLimit);
    runtime.time += 15_000;
    expect(directory.current(runtime.time)?.endpoints).toEqual(good.endpoints);
    expect(directory.current(runtime.time)?.endpoints).toEqual(good.endpoints);
    expect(lookUps()).toBe(2);
  });

  it("asks again when a connection failed, however young its answer, but at most every 5 s", async () => {
    const { runtime, directory, lookUps } = directoryOf(() => good);
    await directory.wait(noLimit);
    runtime.time += 200;
    directory.suspect(runtime.time, runtime.time);
    await directory.settle(noLimit);
    expect(lookUps()).toBe(2);
    runtime.time += 4_999;
    directory.suspect(runtime.time, runtime.time);
    expect(lookUps()).toBe(2);
    runtime.time += 1;
    directory.suspect(runtime.time, runtime.time);
    expect(lookUps()).toBe(3);
  });

  it("does not ask again when a connection failed that an older answer had named", async () => {
    const { runtime, directory, lookUps } = directoryOf(() => good);
    await directory.wait(noLimit);
    const triedAt = runtime.time;
    runtime.time += 15_000;
    directory.current(runtime.time);
    await directory.settle(noLimit);
    directory.suspect(runtime.time, triedAt);
    expect(lookUps()).toBe(2);
  });

  it("goes on with a good answer for an hour of failed look-ups", async () => {
    let dead = false;
    const { runtime, directory } = directoryOf(() => {
      if (dead) throw new Error("SERVFAIL");
      return good;
    });
    await directory.wait(noLimit);
    dead = true;
    for (let minute = 0; minute < 60; minute++) {
      runtime.time += 60_000;
      const answer = directory.current(runtime.time) ?? (await directory.wait(noLimit));
      expect(answer.endpoints).toEqual(good.endpoints);
    }
  });

  it("does not believe an empty answer before it is confirmed", async () => {
    let answer: Resolution = good as Resolution;
    const { runtime, directory } = directoryOf(() => answer);
    await directory.wait(noLimit);
    answer = { kind: "empty", ttlMs: 0, reason: "NXDOMAIN" };
    const sizes: number[] = [];
    for (let i = 0; i < 3; i++) {
      runtime.time += 20_000;
      sizes.push((directory.current(runtime.time) ?? (await directory.wait(noLimit))).endpoints.length);
      await directory.settle(noLimit);
    }
    expect(sizes.slice(0, 2)).toEqual([1, 1]);
    expect(directory.answer?.endpoints).toEqual([]);
  });
});
