import { CircuitBreakerPolicy } from "cockatiel";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { Breaker, type Permit } from "../../src/endpoints/breaker.ts";
import { FailureCounter } from "../../src/endpoints/failure-counter.ts";
import type { FailureKind } from "../../src/resilience/outcome.ts";
import { mulberry32, settled } from "../support/fake-runtime.ts";

const PROBE_LIMIT_MS = 10_000;
const LIMITS = { consecutiveFailures: 3, failureRatio: 0.5, minCalls: 10 };

/** Draws the longest time out; with 0, the shortest, which is half of it. */
const LONGEST = () => 1 - Number.EPSILON;

const unhandled: unknown[] = [];
const onUnhandled = (reason: unknown) => unhandled.push(reason);
beforeEach(() => {
  unhandled.length = 0;
  process.on("unhandledRejection", onUnhandled);
});
afterEach(async () => {
  // Node reports them after the microtasks of the turn in which they happen.
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", onUnhandled);
  expect(unhandled).toEqual([]);
});

function fail(breaker: Breaker, kind: FailureKind, now: number): Promise<number | undefined> {
  return breaker.failed(breaker.start(now), kind, now);
}

async function eject(breaker: Breaker, kind: "connect" | "answered", now: number): Promise<number> {
  let forMs = await fail(breaker, kind, now);
  while (forMs === undefined) forMs = await fail(breaker, kind, now);
  return forMs;
}

/** A breaker that is out, and the moment at which it may be tried. */
async function halfOpen(kind: "connect" | "answered" = "connect"): Promise<{ breaker: Breaker; now: number }> {
  const breaker = new Breaker(new FailureCounter(LIMITS), LONGEST);
  const now = Math.ceil(await eject(breaker, kind, 0));
  expect(breaker.state(now)).toBe("half-open");
  return { breaker, now };
}

describe("closed", () => {
  test("a new one is, for ever", () => {
    const breaker = new Breaker(new FailureCounter(LIMITS), LONGEST);
    expect(breaker.state(0)).toBe("closed");
    expect(breaker.changesAt).toBe(Number.POSITIVE_INFINITY);
    expect(breaker.cause).toBeUndefined();
  });

  test("one failed connection ejects", async () => {
    const breaker = new Breaker(new FailureCounter(LIMITS), LONGEST);
    expect(await fail(breaker, "connect", 0)).toBeCloseTo(1_000);
    expect(breaker.state(0)).toBe("ejected");
    expect(breaker.cause).toBe("connect");
  });

  test("three answered failures in a row eject", async () => {
    const breaker = new Breaker(new FailureCounter(LIMITS), LONGEST);
    expect(await fail(breaker, "answered", 0)).toBeUndefined();
    expect(await fail(breaker, "answered", 0)).toBeUndefined();
    expect(await fail(breaker, "answered", 0)).toBeCloseTo(5_000);
    expect(breaker.cause).toBe("answered");
  });

  test("what ejects by the ratio counts as answered", async () => {
    const breaker = new Breaker(new FailureCounter(LIMITS), LONGEST);
    for (let i = 0; i < 9; i++) expect(await fail(breaker, "soft", 0)).toBeUndefined();
    expect(await fail(breaker, "soft", 0)).toBeCloseTo(5_000);
    expect(breaker.cause).toBe("answered");
  });

  test("a success between failures keeps it closed", async () => {
    const breaker = new Breaker(new FailureCounter(LIMITS), LONGEST);
    for (let i = 0; i < 4; i++) {
      await fail(breaker, "answered", 0);
      expect(breaker.succeeded(breaker.start(0), 0)).toBe(false);
    }
    expect(breaker.state(0)).toBe("closed");
  });

  test("a cancelled attempt counts for nothing", async () => {
    const breaker = new Breaker(new FailureCounter(LIMITS), LONGEST);
    await fail(breaker, "answered", 0);
    await fail(breaker, "answered", 0);
    breaker.cancelled(breaker.start(0));
    expect(breaker.state(0)).toBe("closed");
    expect(await fail(breaker, "answered", 0)).toBeDefined();
  });

  test("failures at the same moment eject once", async () => {
    const breaker = new Breaker(new FailureCounter(LIMITS), LONGEST);
    const tickets = Array.from({ length: 50 }, () => breaker.start(0));
    const outs = await Promise.all(tickets.map((permit) => breaker.failed(permit, "connect", 0)));
    expect(outs.filter((forMs) => forMs !== undefined)).toHaveLength(1);
    // The first time out, not the fiftieth.
    expect(breaker.changesAt).toBeLessThanOrEqual(1_000);
  });

  test("a failed connection ejects beside other outcomes of the same moment", async () => {
    const breaker = new Breaker(new FailureCounter(LIMITS), LONGEST);
    const tickets = [breaker.start(0), breaker.start(0), breaker.start(0)] as [Permit, Permit, Permit];
    const failed = [breaker.failed(tickets[0], "connect", 0), breaker.failed(tickets[1], "soft", 0)];
    breaker.succeeded(tickets[2], 0);
    await Promise.all(failed);
    expect(breaker.state(0)).toBe("ejected");
  });
});

describe("time out", () => {
  test.each([
    ["connect", 1_000, 1.6, 30_000],
    ["answered", 5_000, 2, 60_000],
  ] as const)(
    "after %s failures starts at %i ms and grows %f times, to %i ms",
    async (kind, first, factor, longest) => {
      const breaker = new Breaker(new FailureCounter(LIMITS), LONGEST);
      let now = 0;
      for (let n = 0; n < 12; n++) {
        const forMs = n === 0 ? await eject(breaker, kind, now) : ((await fail(breaker, kind, now)) as number);
        expect(forMs).toBeCloseTo(Math.min(longest, first * factor ** n), 3);
        now += Math.ceil(forMs);
      }
    },
  );

  test("after refused connections is 1.5 s at most for a minute, and then grows as after others", async () => {
    const breaker = new Breaker(new FailureCounter(LIMITS), LONGEST);
    let now = 1_000_000;
    const times: number[] = [];
    for (let n = 0; n < 50; n++) {
      const forMs = (await fail(breaker, "refused", now)) as number;
      times.push(forMs);
      now += Math.ceil(forMs);
    }
    expect(times.slice(0, 3)).toEqual([1_000, 1_500, 1_500].map((ms) => expect.closeTo(ms, 3)));
    expect(Math.max(...times.slice(0, 40))).toBeCloseTo(1_500, 3);
    expect(times.at(-1)).toBeCloseTo(30_000, 3);
    await breaker.succeeded(breaker.start(now), now);
    expect(await fail(breaker, "refused", now)).toBeCloseTo(1_000, 3);
  });

  test("is between half and all of it, evenly", async () => {
    const random = mulberry32(17);
    const outs: number[] = [];
    for (let i = 0; i < 2_000; i++)
      outs.push((await fail(new Breaker(new FailureCounter(LIMITS), random), "connect", 0)) as number);
    expect(Math.min(...outs)).toBeGreaterThanOrEqual(500);
    expect(Math.max(...outs)).toBeLessThanOrEqual(1_000);
    expect(outs.reduce((sum, forMs) => sum + forMs, 0) / outs.length).toBeCloseTo(750, -1);
    expect(outs.filter((forMs) => forMs < 625).length / outs.length).toBeCloseTo(0.25, 1);
  });

  test("a restarted backend is back within 2 s, also when its first probe came too early", async () => {
    const breaker = new Breaker(new FailureCounter(LIMITS), LONGEST);
    const first = Math.ceil(await eject(breaker, "connect", 0));
    expect(first).toBeLessThanOrEqual(2_000);
  });

  test("ends on the clock alone", async () => {
    const breaker = new Breaker(new FailureCounter(LIMITS), () => 0);
    await eject(breaker, "connect", 10_000);
    expect(breaker.changesAt).toBe(10_500);
    expect(breaker.state(10_499)).toBe("ejected");
    expect(breaker.state(10_500)).toBe("half-open");
    expect(breaker.state(1e12)).toBe("half-open");
  });

  test("a clock that goes back locks nothing out", async () => {
    const breaker = new Breaker(new FailureCounter(LIMITS), LONGEST);
    await eject(breaker, "connect", 3_600_000);
    expect(breaker.state(0)).toBe("half-open");
    const permit = breaker.start(0);
    expect(permit?.probe).toBeDefined();
    expect(await breaker.succeeded(permit, 0)).toBe(true);
    expect(breaker.state(0)).toBe("closed");
  });

  test("attempts made meanwhile are extras, and what becomes of them changes nothing", async () => {
    const breaker = new Breaker(new FailureCounter(LIMITS), LONGEST);
    await eject(breaker, "connect", 0);
    const { changesAt } = breaker;
    for (const end of [
      (permit?: Permit) => breaker.failed(permit, "connect", 1),
      (permit?: Permit) => breaker.succeeded(permit, 1),
      (permit?: Permit) => breaker.cancelled(permit),
    ]) {
      const permit = breaker.start(1);
      expect(permit).toStrictEqual({ probe: undefined });
      await end(permit);
    }
    await settled();
    expect(breaker.state(1)).toBe("ejected");
    expect(breaker.changesAt).toBe(changesAt);
  });

  test("an attempt from before it neither brings the endpoint back nor keeps it out longer", async () => {
    const breaker = new Breaker(new FailureCounter(LIMITS), LONGEST);
    const [good, bad] = [breaker.start(0), breaker.start(0)];
    await eject(breaker, "connect", 0);
    const { changesAt } = breaker;
    expect(breaker.succeeded(good, 1)).toBe(false);
    expect(await breaker.failed(bad, "connect", 1)).toBeUndefined();
    expect(breaker.state(1)).toBe("ejected");
    expect(breaker.changesAt).toBe(changesAt);
  });

  test("counts on our clock, whatever cockatiel's shows", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: 0 });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const breaker = new Breaker(new FailureCounter(LIMITS), LONGEST);
    vi.setSystemTime(1e12);
    const now = Math.ceil(await eject(breaker, "connect", 0));
    vi.setSystemTime(0);
    expect(await breaker.succeeded(breaker.start(now), now)).toBe(true);
  });
});

describe("half-open", () => {
  test("lets exactly one probe through", async () => {
    const { breaker, now } = await halfOpen();
    const tickets = Array.from({ length: 10 }, () => breaker.start(now));
    expect(tickets.filter((permit) => permit?.probe !== undefined)).toHaveLength(1);
    expect(tickets.slice(1)).toStrictEqual(Array(9).fill({ probe: undefined }));
    expect(breaker.state(now)).toBe("probing");
    expect(breaker.changesAt).toBe(now + PROBE_LIMIT_MS);
  });

  test("a probe that hangs holds no other attempt up", async () => {
    const { breaker, now } = await halfOpen();
    breaker.start(now);
    expect(await fail(breaker, "connect", now)).toBeUndefined();
    expect(breaker.succeeded(breaker.start(now), now)).toBe(false);
    expect(breaker.state(now + PROBE_LIMIT_MS - 1)).toBe("probing");
  });

  test("a probe that was frozen makes room for another, which decides", async () => {
    const { breaker, now } = await halfOpen();
    const frozen = breaker.start(now);
    const thaw = now + 3_600_000;
    expect(breaker.state(thaw)).toBe("half-open");
    const probe = breaker.start(thaw);
    expect(probe?.probe).toBeDefined();
    expect(breaker.state(thaw)).toBe("probing");
    expect(breaker.start(thaw)).toStrictEqual({ probe: undefined });
    // What becomes of the frozen one meanwhile changes nothing.
    expect(await breaker.failed(frozen, "connect", thaw)).toBeUndefined();
    expect(breaker.state(thaw)).toBe("probing");
    expect(await breaker.succeeded(probe, thaw)).toBe(true);
    expect(breaker.state(thaw)).toBe("closed");
  });

  test("a probe that takes long, but has no successor, still decides", async () => {
    const { breaker, now } = await halfOpen();
    const slow = breaker.start(now);
    expect(await breaker.succeeded(slow, now + 60_000)).toBe(true);
    expect(breaker.state(now + 60_000)).toBe("closed");
  });

  test("a probe that succeeds closes it", async () => {
    const { breaker, now } = await halfOpen();
    expect(await breaker.succeeded(breaker.start(now), now)).toBe(true);
    expect(breaker.state(now)).toBe("closed");
    expect(breaker.cause).toBeUndefined();
    expect(breaker.start(now)).toBeUndefined();
  });

  test("what was counted before counts no more once it is closed", async () => {
    const { breaker, now } = await halfOpen("answered");
    await breaker.succeeded(breaker.start(now), now);
    expect(await fail(breaker, "answered", now)).toBeUndefined();
    expect(await fail(breaker, "answered", now)).toBeUndefined();
    expect(await fail(breaker, "answered", now)).toBeDefined();
  });

  test("a return starts the times out from the first again", async () => {
    const breaker = new Breaker(new FailureCounter(LIMITS), LONGEST);
    let now = Math.ceil(await eject(breaker, "connect", 0));
    now += Math.ceil((await fail(breaker, "connect", now)) as number);
    await breaker.succeeded(breaker.start(now), now);
    expect(await fail(breaker, "connect", now)).toBeCloseTo(1_000);
  });

  test("a probe that fails puts it out for longer, by one failure of any kind", async () => {
    const { breaker, now } = await halfOpen("answered");
    expect(await fail(breaker, "soft", now)).toBeCloseTo(10_000);
    expect(breaker.state(now)).toBe("ejected");
    expect(breaker.changesAt).toBeCloseTo(now + 10_000);
  });

  test("a probe may find another cause than the one before", async () => {
    const { breaker, now } = await halfOpen("answered");
    expect(await fail(breaker, "connect", now)).toBeCloseTo(1_600);
    expect(breaker.cause).toBe("connect");
  });

  test("a cancelled probe leaves it half-open, from the same moment on", async () => {
    const { breaker, now } = await halfOpen();
    breaker.cancelled(breaker.start(now));
    expect(breaker.state(now)).toBe("half-open");
    await settled();
    expect(breaker.state(now)).toBe("half-open");
  });

  test("after any number of cancelled probes the next is a probe, alone, and decides", async () => {
    const { breaker, now } = await halfOpen();
    for (let i = 0; i < 5; i++) breaker.cancelled(breaker.start(now));
    const probe = breaker.start(now);
    expect(probe?.probe).toBeDefined();
    await settled();
    expect(breaker.state(now)).toBe("probing");
    expect(breaker.start(now)).toStrictEqual({ probe: undefined });
    expect(await breaker.succeeded(probe, now)).toBe(true);
    expect(breaker.state(now)).toBe("closed");
  });

  test("a probe that fails at once after a cancelled one puts it out once", async () => {
    const { breaker, now } = await halfOpen();
    breaker.cancelled(breaker.start(now));
    expect(await fail(breaker, "connect", now)).toBeCloseTo(1_600);
    expect(breaker.state(now)).toBe("ejected");
  });

  test("a cancelled probe does not lengthen the next time out", async () => {
    const { breaker, now } = await halfOpen();
    breaker.cancelled(breaker.start(now));
    await settled();
    expect(await fail(breaker, "connect", now)).toBeCloseTo(1_600);
  });
});

describe("cockatiel", () => {
  test("its circuit breaker decides: without it in breaker.ts nothing is ejected and no probe settles", async () => {
    const execute = vi.spyOn(CircuitBreakerPolicy.prototype, "execute");
    onTestFinished(() => execute.mockRestore());
    const breaker = new Breaker(new FailureCounter(LIMITS), LONGEST);
    expect(await fail(breaker, "connect", 0)).toBeDefined();
    expect(execute).toHaveBeenCalledTimes(1);
    expect(await breaker.succeeded(breaker.start(2_000), 2_000)).toBe(true);
    expect(execute).toHaveBeenCalledTimes(2);
  });

  test("is not entered while nothing failed", () => {
    const execute = vi.spyOn(CircuitBreakerPolicy.prototype, "execute");
    onTestFinished(() => execute.mockRestore());
    const breaker = new Breaker(new FailureCounter(LIMITS), LONGEST);
    for (let i = 0; i < 10; i++) breaker.succeeded(breaker.start(i), i);
    expect(execute).not.toHaveBeenCalled();
  });
});

test("any order of attempts and outcomes, by a clock that jumps, leaves it usable", async () => {
  const random = mulberry32(99);
  for (let run = 0; run < 100; run++) {
    const breaker = new Breaker(new FailureCounter(LIMITS), random);
    const running: { readonly permit: Permit | undefined }[] = [];
    let now = 1e9;
    for (let i = 0; i < 60; i++) {
      now += Math.floor((random() - 0.2) * 4_000);
      if (random() < 0.5) running.push({ permit: breaker.start(now) });
      const attempt = running.splice(Math.floor(random() * running.length), 1)[0];
      if (attempt === undefined) continue;
      const { permit } = attempt;
      const kind = (["connect", "answered", "soft"] as const)[Math.floor(random() * 3)] as FailureKind;
      const ends = [
        () => breaker.succeeded(permit, now),
        () => breaker.failed(permit, kind, now),
        () => breaker.cancelled(permit),
      ];
      const ended = (ends[Math.floor(random() * 3)] as () => unknown)();
      if (random() < 0.7) await ended;
      expect(running.filter(({ permit }) => permit?.probe !== undefined).length).toBeLessThanOrEqual(1);
    }
    for (const { permit } of running) breaker.cancelled(permit);
    await settled();
    now += 61_000;
    expect(["closed", "half-open"]).toContain(breaker.state(now));
    if (breaker.state(now) === "half-open") expect(await breaker.succeeded(breaker.start(now), now)).toBe(true);
    expect(breaker.state(now)).toBe("closed");
  }
});
