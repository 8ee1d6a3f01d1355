import { describe, expect, it } from "vitest";
import { CachedResolver, NoAnswerError } from "../../src/discovery/cached-resolver.ts";
import type { Resolution } from "../../src/discovery/resolver.ts";
import { WithFallback } from "../../src/discovery/with-fallback.ts";
import type { EndpointSpec } from "../../src/endpoint.ts";
import { FakeRuntime, settled } from "../support/fake-runtime.ts";
import { noListener } from "../support/no-listener.ts";

// Two targets on a fake clock: which one is asked when, who waits for it, and what the list then is.

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const ages = { minTtlMs: 5_000, maxTtlMs: 300_000, maxStaleMs: HOUR };
const EMPTY: Resolution = { kind: "empty", ttlMs: 5_000, reason: "NXDOMAIN" };

type Behaviour = Resolution | "fails" | "is silent";

const endpoints = (...specs: (string | EndpointSpec)[]): Resolution => ({
  kind: "endpoints",
  ttlMs: MINUTE,
  endpoints: specs.map((spec) => (typeof spec === "string" ? { address: spec, port: 80 } : spec)),
});

function failover(firstDoes: Behaviour, secondDoes: Behaviour) {
  const runtime = new FakeRuntime({ seed: 1, globalTimers: true });
  const does = { first: firstDoes, second: secondDoes };
  const lookUps = { first: 0, second: 0 };
  const directory = (which: "first" | "second") =>
    new CachedResolver(
      {
        target: which,
        async resolve({ signal }) {
          lookUps[which]++;
          const behaviour = does[which];
          if (behaviour === "fails") throw new Error("SERVFAIL");
          if (behaviour !== "is silent") return behaviour;
          return await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
        },
      },
      ages,
      runtime,
      noListener,
    );
  /** What a pool would say of the first target's endpoints. */
  const health = { ejected: false };
  const both = new WithFallback({
    first: directory("first"),
    second: directory("second"),
    serves: () => !health.ejected,
    clock: runtime.clock,
  });
  return {
    runtime,
    does,
    lookUps,
    health,
    both,
    /** What a call gets, and how long it waits for it. */
    async call(timeoutMs = 10_000): Promise<{ list: string; waitedMs: number }> {
      const startedAt = runtime.time;
      let list: string | undefined;
      const asked = (async () =>
        both.peek(startedAt) ?? both.get({ signal: undefined, deadline: startedAt + timeoutMs }))();
      asked.then(
        (found) => {
          list = found.endpoints.map(({ address, tier = 0 }) => `${address}/${tier}`).join(" ");
        },
        (error: unknown) => {
          list = error instanceof NoAnswerError ? error.message : `${error}`;
        },
      );
      for (let turn = 0; turn < 4; turn++) await settled();
      while (list === undefined) await runtime.advance(1);
      return { list, waitedMs: runtime.time - startedAt };
    },
  };
}

describe("when the first target", () => {
  it("works, its tiers come first and the fallback's follow, whatever their numbers", async () => {
    const { call } = failover(
      endpoints({ address: "a", port: 80, tier: 10 }, { address: "b", port: 80, tier: 20 }),
      endpoints({ address: "x", port: 80, tier: 0 }, { address: "y", port: 80, tier: 7 }),
    );
    await call();
    expect((await call()).list).toBe("a/10 b/20 x/21 y/28");
  });

  it.each<[string, Behaviour]>([
    ["fails", "fails"],
    ["is empty", EMPTY],
    ["is decidedly not available", { kind: "unavailable", ttlMs: MINUTE, reason: "." }],
  ])("%s, the fallback serves at once", async (_, does) => {
    const { call } = failover(does, endpoints("x"));
    const { list, waitedMs } = await call();
    expect(list).toBe("x/0");
    expect(waitedMs).toBe(0);
  });

  it("does not answer, the first call waits 500 ms for it, and the next ones not at all", async () => {
    const { call, runtime } = failover("is silent", endpoints("x"));
    const first = await call();
    expect(first.list).toBe("x/0");
    expect(first.waitedMs).toBe(500);
    await runtime.advance(5_000);
    for (let second = 0; second < 60; second++) {
      await runtime.advance(1_000);
      expect(await call()).toEqual({ list: "x/0", waitedMs: 0 });
    }
  });

  it("comes back, it serves again, without a wait", async () => {
    const { call, does, runtime } = failover("fails", endpoints("x"));
    await call();
    does.first = endpoints("a");
    await runtime.advance(5_000);
    await call();
    expect(await call()).toEqual({ list: "a/0 x/1", waitedMs: 0 });
  });

  it("was good once, its old answer goes on through an hour of failures, before the fallback's", async () => {
    const { call, does, runtime } = failover(endpoints("a"), endpoints("x"));
    await call();
    does.first = "fails";
    for (let minute = 0; minute < 90; minute++) {
      await runtime.advance(MINUTE);
      expect((await call()).list).toBe("a/0 x/1");
    }
  });

  it("is confirmed to be empty, the fallback is what is left", async () => {
    const { call, does, runtime } = failover(endpoints("a"), endpoints("x"));
    await call();
    does.first = EMPTY;
    const lists: string[] = [];
    for (let i = 0; i < 5; i++) {
      await runtime.advance(MINUTE);
      await call();
      lists.push((await call()).list);
    }
    expect(lists).toEqual(["a/0 x/1", "a/0 x/1", "x/0", "x/0", "x/0"]);
  });
});

describe("the fallback", () => {
  it("is known from the first call on, and costs a healthy first target a query an hour", async () => {
    const { call, lookUps, runtime } = failover(endpoints("a"), endpoints("x"));
    await call();
    expect(lookUps).toEqual({ first: 1, second: 1 });
    for (let minute = 0; minute < 180; minute++) {
      await runtime.advance(MINUTE);
      await call();
    }
    expect(lookUps.first).toBeGreaterThan(150);
    expect(lookUps.second).toBeLessThanOrEqual(4);
  });

  it("is not waited for while the first target serves", async () => {
    const { call } = failover(endpoints("a"), "is silent");
    const { list, waitedMs } = await call();
    expect(list).toBe("a/0");
    expect(waitedMs).toBe(0);
  });

  it("is asked by its TTL while it serves", async () => {
    const { call, lookUps, health, runtime } = failover(endpoints("a"), endpoints("x"));
    await call();
    health.ejected = true;
    for (let minute = 0; minute < 30; minute++) {
      await runtime.advance(MINUTE);
      await call();
    }
    expect(lookUps.second).toBeGreaterThan(25);
  });

  it("is known although DNS fails together with the servers", async () => {
    const { call, does, health, runtime } = failover(endpoints("a"), endpoints("x"));
    await call();
    does.first = does.second = "is silent";
    health.ejected = true;
    await runtime.advance(10 * MINUTE);
    expect((await call()).list).toBe("a/0 x/1");
  });

  it("that is not known and does not answer is waited for 500 ms, while the first target has endpoints to try", async () => {
    const { call, health, runtime } = failover(endpoints("a"), "is silent");
    await call();
    health.ejected = true;
    expect(await call()).toEqual({ list: "a/0", waitedMs: 500 });
    await runtime.advance(5_000);
    for (let i = 0; i < 3; i++) {
      expect(await call()).toEqual({ list: "a/0", waitedMs: 0 });
      await runtime.advance(MINUTE);
    }
  });

  it("alone is asked again after a failed connection of its own", async () => {
    const { call, both, lookUps, health, runtime } = failover(endpoints("a"), endpoints("x"));
    await call();
    await runtime.advance(6_000);
    both.hintStale(runtime.time, runtime.time, Number.NEGATIVE_INFINITY);
    await runtime.advance(1);
    expect(lookUps).toEqual({ first: 2, second: 1 });
    health.ejected = true;
    await runtime.advance(6_000);
    both.hintStale(runtime.time, runtime.time, Number.NEGATIVE_INFINITY);
    expect(lookUps).toEqual({ first: 3, second: 2 });
  });
});

describe("when neither answers", () => {
  it("each call gets one error that names both, within the look-ups' limit", async () => {
    const { call, runtime } = failover("is silent", "is silent");
    const { list, waitedMs } = await call();
    expect(list).toBe("first: no answer within 5000 ms; second: no answer within 5000 ms");
    expect(waitedMs).toBe(5_500);
    expect(runtime.timers).toBe(0);
  });

  it("the call's deadline comes first", async () => {
    const { call } = failover("is silent", "is silent");
    expect((await call(800)).waitedMs).toBe(800);
  });

  it("a call while both back off waits for the one that may be asked first", async () => {
    const { runtime, does, lookUps, call } = failover("fails", "fails");
    expect((await call()).waitedMs).toBe(0);
    does.second = endpoints("b");
    const { list, waitedMs } = await call();
    expect(list).toBe("b/0");
    expect(waitedMs).toBeGreaterThanOrEqual(800);
    expect(waitedMs).toBeLessThanOrEqual(1_200);
    expect(lookUps.second).toBe(2);
    expect(runtime.sleeping).toBe(0);
  });

  it("the first that does is used", async () => {
    const { call, does, runtime } = failover("is silent", "fails");
    await call(700);
    await runtime.advance(6_000);
    does.first = endpoints("a");
    const { list } = await call();
    expect(list).toBe("a/0");
  });
});

it("gives the same list for the same answers, so that nothing is rebuilt", async () => {
  const { call, both, runtime } = failover(endpoints("a"), endpoints("x"));
  await call();
  await call();
  const list = both.answer?.endpoints;
  await runtime.advance(MINUTE);
  await call();
  await call();
  expect(both.answer?.endpoints).toBe(list);
});

it("refreshes both, and tells of a failure", async () => {
  const { does, both, lookUps } = failover(endpoints("a"), endpoints("x"));
  await both.refresh(undefined);
  expect(lookUps).toEqual({ first: 1, second: 1 });
  does.second = "fails";
  await expect(both.refresh(undefined)).rejects.toThrow("SERVFAIL");
});
