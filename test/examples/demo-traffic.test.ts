import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { errorLines } from "../../examples/demo/table.ts";
import { MAX_IN_FLIGHT, MAX_PER_SECOND, type MakeCall, Traffic } from "../../examples/demo/traffic.ts";

describe("the traffic of the demo", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
  afterEach(() => void vi.useRealTimers());

  /** Calls that take so many ms. */
  const taking =
    (ms: number): MakeCall =>
    () =>
      new Promise((resolve) => setTimeout(() => resolve("a"), ms));

  it("is what a fast machine is asked for", async () => {
    const traffic = new Traffic(taking(5));
    traffic.start();
    await vi.advanceTimersByTimeAsync(4_000);
    expect(traffic.report().calls).toBeGreaterThan(3.9 * MAX_PER_SECOND);
    expect(traffic.report().calls).toBeLessThanOrEqual(4 * MAX_PER_SECOND);
  });

  it("is what a slow machine answers, and no call waits for its turn", async () => {
    const traffic = new Traffic(taking(1_000));
    traffic.start();
    await vi.advanceTimersByTimeAsync(10_500);
    const { calls, p99 } = traffic.report();
    expect(calls).toBeGreaterThanOrEqual(9 * MAX_IN_FLIGHT);
    expect(calls).toBeLessThanOrEqual(10 * MAX_IN_FLIGHT);
    expect(p99).toBeCloseTo(1_000, -1);
  });

  it("makes up for nothing that a stall left out", async () => {
    let stalled = true;
    const waiting: (() => void)[] = [];
    const call: MakeCall = (options) =>
      stalled ? new Promise((resolve) => waiting.push(() => resolve("a"))) : taking(5)(options);
    const traffic = new Traffic(call);
    traffic.start();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(waiting).toHaveLength(MAX_IN_FLIGHT);
    stalled = false;
    for (const answer of waiting) answer();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(traffic.report().calls).toBeLessThanOrEqual(MAX_IN_FLIGHT + MAX_PER_SECOND);
  });

  it("reports each kind of error once, with its count, whatever phase it began in", async () => {
    let calls = 0;
    const traffic = new Traffic(async () => {
      throw new Error(calls++ % 3 === 0 ? "refused" : "reset");
    });
    traffic.start();
    await vi.advanceTimersByTimeAsync(1_000);
    traffic.beginPhase();
    await vi.advanceTimersByTimeAsync(200);
    await traffic.pause();
    expect(errorLines(new Map([["it", traffic.report().sinceStart]]))).toEqual([
      `it: ${Math.ceil(calls / 3)} × refused`,
      `it: ${calls - Math.ceil(calls / 3)} × reset`,
    ]);
    expect(calls).toBeGreaterThan(MAX_PER_SECOND);
  });
});
