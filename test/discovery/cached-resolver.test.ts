import { describe, expect, it } from "vitest";
import { CachedResolver } from "../../src/discovery/cached-resolver.ts";
import type { Resolution } from "../../src/discovery/resolver.ts";
import { FakeRuntime, settled } from "../support/fake-runtime.ts";
import { noListener } from "../support/no-listener.ts";

const ages = { minTtlMs: 5_000, maxTtlMs: 300_000, maxStaleMs: 3_600_000 };
const good: Resolution = { kind: "endpoints", endpoints: [{ address: "10.0.0.1", port: 80 }], ttlMs: 10_000 };
const noLimit = { signal: undefined, deadline: Number.POSITIVE_INFINITY };
const never = Number.NEGATIVE_INFINITY;

function cachedResolverOf(answer: () => Resolution) {
  const runtime = new FakeRuntime({ seed: 1 });
  let lookUps = 0;
  const resolver = {
    target: "test",
    resolve: async () => {
      lookUps++;
      return answer();
    },
  };
  const directory = new CachedResolver(resolver, ages, runtime, noListener);
  return { runtime, directory, lookUps: () => lookUps };
}

describe("a directory", () => {
  it("looks up once for a hundred calls at once, and not again while the answer is fresh", async () => {
    const { runtime, directory, lookUps } = cachedResolverOf(() => good);
    await Promise.all(Array.from({ length: 100 }, () => directory.get(noLimit)));
    runtime.time += 7_900;
    expect(directory.peek(runtime.time)?.endpoints).toEqual(good.endpoints);
    expect(lookUps()).toBe(1);
  });

  it("uses a stale answer while one look-up runs beside", async () => {
    const { runtime, directory, lookUps } = cachedResolverOf(() => good);
    await directory.get(noLimit);
    runtime.time += 15_000;
    expect(directory.peek(runtime.time)?.endpoints).toEqual(good.endpoints);
    expect(directory.peek(runtime.time)?.endpoints).toEqual(good.endpoints);
    expect(lookUps()).toBe(2);
  });

  it("does not ask again when a connection failed that an older answer had named", async () => {
    const { runtime, directory, lookUps } = cachedResolverOf(() => good);
    await directory.get(noLimit);
    const triedAt = runtime.time;
    runtime.time += 15_000;
    directory.peek(runtime.time);
    await directory.awaitRunning(noLimit);
    directory.hintStale(runtime.time, triedAt, never);
    expect(lookUps()).toBe(2);
  });

  it("goes on with a good answer for an hour of failed look-ups", async () => {
    let dead = false;
    const { runtime, directory } = cachedResolverOf(() => {
      if (dead) throw new Error("SERVFAIL");
      return good;
    });
    await directory.get(noLimit);
    dead = true;
    for (let minute = 0; minute < 60; minute++) {
      runtime.time += 60_000;
      const answer = directory.peek(runtime.time) ?? (await directory.get(noLimit));
      expect(answer.endpoints).toEqual(good.endpoints);
    }
  });

  it("does not believe an empty answer before it is confirmed", async () => {
    let answer: Resolution = good as Resolution;
    const { runtime, directory } = cachedResolverOf(() => answer);
    await directory.get(noLimit);
    answer = { kind: "empty", ttlMs: 0, reason: "NXDOMAIN" };
    const sizes: number[] = [];
    for (let i = 0; i < 3; i++) {
      runtime.time += 20_000;
      sizes.push((directory.peek(runtime.time) ?? (await directory.get(noLimit))).endpoints.length);
      await directory.awaitRunning(noLimit);
    }
    expect(sizes.slice(0, 2)).toEqual([1, 1]);
    expect(directory.answer?.endpoints).toEqual([]);
  });

  describe("with no answer at all, after a failed look-up", () => {
    /** The first pause is between 0.8 and 1.2 s, each further one 1.6 times as long. */
    async function paused({ failures = 1, dead = failures }: { failures?: number; dead?: number } = {}) {
      let asked = 0;
      const { runtime, directory } = cachedResolverOf(() => {
        asked += 1;
        if (asked <= dead) throw new Error("SERVFAIL");
        return good;
      });
      for (let failure = 1; failure <= failures; failure++) {
        await expect(directory.get(noLimit)).rejects.toThrow("SERVFAIL");
        if (failure < failures) runtime.time += 40_000;
      }
      return { runtime, directory, lookUps: () => asked };
    }
    const within = ({ runtime }: { runtime: FakeRuntime }, ms: number) => ({
      signal: undefined,
      deadline: runtime.time + ms,
    });

    it("calls wait the pause out, and share one look-up", async () => {
      const { runtime, directory, lookUps } = await paused();
      const calls = Promise.all(Array.from({ length: 100 }, () => directory.get(within({ runtime }, 3_000))));
      await runtime.advance(700);
      expect(lookUps()).toBe(1);
      await runtime.advance(600);
      for (const { endpoints } of await calls) expect(endpoints).toEqual(good.endpoints);
      expect(lookUps()).toBe(2);
      expect(runtime.sleeping).toBe(0);
    });

    it("calls wait out one pause, and fail with the look-up behind it", async () => {
      const { runtime, directory, lookUps } = await paused({ dead: 2 });
      const calls = Promise.allSettled(Array.from({ length: 3 }, () => directory.get(noLimit)));
      await runtime.advance(1_300);
      expect((await calls).map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
      expect(lookUps()).toBe(2);
    });

    it("a call whose time would be over first fails at once", async () => {
      const { runtime, directory } = await paused();
      await expect(directory.get(within({ runtime }, 500))).rejects.toThrow("SERVFAIL");
      expect(runtime.sleeping).toBe(0);
    });

    it("a call does not wait longer than for a look-up", async () => {
      const { runtime, directory } = await paused({ failures: 5 });
      await expect(directory.get(noLimit)).rejects.toThrow("SERVFAIL");
      runtime.time += 3_500;
      const late = directory.get(noLimit);
      await runtime.advance(5_000);
      expect((await late).endpoints).toEqual(good.endpoints);
    });

    it("the caller's abort ends the wait", async () => {
      const { runtime, directory } = await paused();
      const aborting = new AbortController();
      const call = directory.get({ signal: aborting.signal, deadline: Number.POSITIVE_INFINITY });
      aborting.abort(new Error("enough"));
      await expect(call).rejects.toThrow("enough");
      expect(runtime.sleeping).toBe(0);
    });

    it("a freeze during the wait is part of it", async () => {
      const { runtime, directory } = await paused();
      const call = directory.get(noLimit);
      await runtime.advance(100);
      runtime.time += 60_000;
      await runtime.advance(1_200);
      expect((await call).endpoints).toEqual(good.endpoints);
    });
  });

  describe("after a failed connection", () => {
    const on = (port: number): Resolution => ({ ...good, endpoints: [{ address: "10.0.0.1", port }] }) as Resolution;

    /** Fails `calls` connections, one each so many milliseconds, while DNS says what `answer` does. */
    async function failConnections(
      answer: (lookUp: number) => Resolution,
      calls: number,
      everyMs: number,
      between: "nothing" | "successes" = "nothing",
    ) {
      let asked = 0;
      const { runtime, directory } = cachedResolverOf(() => answer(++asked));
      await directory.get(noLimit);
      for (let i = 0; i < calls; i++) {
        runtime.time += everyMs;
        directory.hintStale(runtime.time, runtime.time, between === "successes" ? runtime.time - 1 : never);
        await directory.awaitRunning(noLimit);
      }
      return { lookUps: asked - 1, endpoints: directory.answer?.endpoints };
    }

    it("looks up at once, however fresh the answer is", async () => {
      const { lookUps, endpoints } = await failConnections(on, 1, 200);
      expect(lookUps).toBe(1);
      expect(endpoints).toEqual([{ address: "10.0.0.1", port: 2 }]);
    });

    it("looks up twice within a second where each look-up brings other servers, then backs off to 5 s", async () => {
      expect((await failConnections(on, 5, 200)).lookUps).toBe(2);
      expect((await failConnections(on, 9_800 / 200, 200)).lookUps).toBe(6);
      expect((await failConnections(on, 60_000 / 200, 200)).lookUps).toBe(16);
    });

    it("looks up each time that all servers were replaced again, while calls succeed in between", async () => {
      expect((await failConnections(on, 100, 2_000, "successes")).lookUps).toBe(100);
    });

    it("looks up every 5 s while that brings nothing new", async () => {
      expect((await failConnections(() => good, 100, 200)).lookUps).toBe(4);
    });

    it("looks up at most once a second after the second time while no call succeeds, and every 100 ms while some do", async () => {
      expect((await failConnections(on, 1_000, 1)).lookUps).toBe(2);
      expect((await failConnections(on, 60_000, 1, "successes")).lookUps).toBeLessThanOrEqual(600);
    });
  });
});

describe("what an answer lacks at first", () => {
  function deferred<T>() {
    let resolve!: (value: T) => void;
    const promise = new Promise<T>((settle) => {
      resolve = settle;
    });
    return { promise, resolve };
  }
  const both: Resolution = {
    ...good,
    endpoints: [...good.endpoints, { address: "10.0.0.2", port: 80 }],
    ttlMs: 60_000,
  };
  const shown = (directory: CachedResolver, now: number) =>
    directory.peek(now)?.endpoints.map(({ address }) => address.replace("10.0.0.", ""));

  it("joins it without another look-up, at the age that it has", async () => {
    const rest = deferred<Resolution>();
    const { runtime, directory, lookUps } = cachedResolverOf(() => ({ ...good, rest: rest.promise }));
    await directory.get(noLimit);
    expect(shown(directory, runtime.time)).toEqual(["1"]);
    const resolvedAt = directory.answer?.resolvedAt;
    runtime.time += 3_000;
    rest.resolve(both);
    await settled();
    expect(shown(directory, runtime.time)).toEqual(["1", "2"]);
    expect(directory.answer).toMatchObject({ resolvedAt, ttlMs: 60_000 });
    expect(lookUps()).toBe(1);
  });

  it("may stay away: calls go on with what there is", async () => {
    const rest = Promise.reject(new Error("SERVFAIL"));
    const { runtime, directory } = cachedResolverOf(() => ({ ...good, rest }));
    await directory.get(noLimit);
    await settled();
    expect(shown(directory, runtime.time)).toEqual(["1"]);
  });

  it("is of no use once a newer look-up has begun", async () => {
    const rest = deferred<Resolution>();
    let isFirst = true;
    const { runtime, directory } = cachedResolverOf(() => {
      const answer = isFirst ? { ...good, rest: rest.promise } : good;
      isFirst = false;
      return answer;
    });
    await directory.get(noLimit);
    runtime.time += 15_000;
    directory.peek(runtime.time);
    rest.resolve(both);
    await directory.awaitRunning(noLimit);
    await settled();
    expect(shown(directory, runtime.time)).toEqual(["1"]);
  });

  it("is given up with the look-up's time, or with the directory", async () => {
    for (const end of ["time", "close"]) {
      const { runtime, directory } = cachedResolverOf(() => ({ ...good, rest: new Promise(() => {}) }));
      await directory.get(noLimit);
      expect(runtime.timers).toBe(1);
      if (end === "time") await runtime.advance(5_000);
      else directory.close();
      await settled();
      expect(runtime.timers).toBe(0);
    }
  });
});
