import { describe, expect, test } from "vitest";
import { FailureCounter } from "../../src/endpoints/failure-counter.ts";
import type { FailureKind } from "../../src/resilience/outcome.ts";
import { mulberry32 } from "../support/fake-runtime.ts";

const LIMITS = { consecutiveFailures: 3, failureRatio: 0.5, minCalls: 10 };

const start = () => new FailureCounter(LIMITS);

/** Whether the failure is one too many: as cockatiel asks. */
function fails(health: FailureCounter, kind: FailureKind, now: number): boolean {
  health.failed(kind, now);
  return health.failure();
}

describe("what ejects", () => {
  test("one failed connection", () => {
    expect(fails(start(), "connect", 0)).toBe(true);
  });

  test("the third answered failure in a row", () => {
    const health = start();
    expect([1, 2, 3].map(() => fails(health, "answered", 0))).toEqual([false, false, true]);
  });

  test("not the third answered failure if a success lies between", () => {
    const health = start();
    fails(health, "answered", 0);
    fails(health, "answered", 0);
    health.succeeded(0);
    expect(fails(health, "answered", 0)).toBe(false);
  });

  test("not three soft failures in a row", () => {
    const health = start();
    expect([1, 2, 3, 4].map(() => fails(health, "soft", 0))).toEqual([false, false, false, false]);
  });

  test("a soft failure neither lengthens a row nor ends it", () => {
    const health = start();
    fails(health, "answered", 0);
    fails(health, "answered", 0);
    expect(fails(health, "soft", 0)).toBe(false);
    expect(fails(health, "answered", 0)).toBe(true);
  });

  test("three in a row also at one call in ten minutes", () => {
    const health = start();
    expect([0, 600_000, 1_200_000].map((now) => fails(health, "answered", now))).toEqual([false, false, true]);
  });

  test("half of ten calls", () => {
    const health = start();
    for (let i = 0; i < 5; i++) health.succeeded(0);
    for (let i = 0; i < 4; i++) expect(fails(health, "soft", 0)).toBe(false);
    expect(fails(health, "soft", 0)).toBe(true);
  });

  test("not less than half", () => {
    const health = start();
    for (let i = 0; i < 6; i++) health.succeeded(0);
    for (let i = 0; i < 5; i++) expect(fails(health, "soft", 0)).toBe(false);
    expect(fails(health, "soft", 0)).toBe(true);
  });

  test("not fewer than ten calls, all failed", () => {
    const health = start();
    for (let i = 0; i < 9; i++) expect(fails(health, "soft", 0)).toBe(false);
    expect(fails(health, "soft", 0)).toBe(true);
  });

  test("a connect failure also counts when a weaker one is told before cockatiel has asked", () => {
    const health = start();
    health.failed("connect", 0);
    health.failed("soft", 0);
    expect(health.failure()).toBe(true);
  });

  test("a connect failure also counts when a success is told before cockatiel has asked", () => {
    const health = start();
    health.failed("connect", 0);
    health.succeeded(0);
    expect(health.failure()).toBe(true);
  });
});

describe("the window of 30 s", () => {
  test("slides by buckets of 3 s", () => {
    const health = start();
    for (let i = 0; i < 9; i++) fails(health, "soft", 0);
    expect(fails(health, "soft", 29_999)).toBe(true);
    const later = start();
    for (let i = 0; i < 9; i++) fails(later, "soft", 0);
    expect(fails(later, "soft", 30_000)).toBe(false);
  });

  test("drops only the buckets that have left it", () => {
    const health = start();
    for (let i = 0; i < 5; i++) fails(health, "soft", 0);
    for (let i = 0; i < 5; i++) fails(health, "soft", 15_000 - 1);
    // The first five are gone, the second are not.
    for (let i = 0; i < 4; i++) expect(fails(health, "soft", 30_000)).toBe(false);
    expect(fails(health, "soft", 30_000)).toBe(true);
  });

  test("forgets failures that are an hour old", () => {
    const health = start();
    for (let i = 0; i < 9; i++) fails(health, "soft", 0);
    for (let i = 0; i < 9; i++) expect(fails(health, "soft", 3_600_000)).toBe(false);
  });

  test("forgets successes that are an hour old", () => {
    const health = start();
    for (let i = 0; i < 1_000; i++) health.succeeded(0);
    for (let i = 0; i < 9; i++) fails(health, "soft", 3_600_000);
    expect(fails(health, "soft", 3_600_000)).toBe(true);
  });

  test("an idle gap of whole turns of the ring does not bring old counts back", () => {
    const health = start();
    for (let i = 0; i < 9; i++) fails(health, "soft", 0);
    expect(fails(health, "soft", 300_000)).toBe(false);
  });

  test("starts anew when the clock goes back", () => {
    const health = start();
    for (let i = 0; i < 9; i++) fails(health, "soft", 1_000_000);
    expect(fails(health, "soft", 500_000)).toBe(false);
    for (let i = 0; i < 8; i++) fails(health, "soft", 500_000);
    expect(fails(health, "soft", 500_000)).toBe(true);
  });

  test("judges as a list of all calls would, to a bucket", () => {
    const random = mulberry32(21);
    for (let run = 0; run < 50; run++) {
      // Rows are switched off, so that the ratio alone decides.
      const health = new FailureCounter({ ...LIMITS, consecutiveFailures: Number.POSITIVE_INFINITY });
      const calls: { bucket: number; failed: boolean }[] = [];
      let now = Math.floor(random() * 1e12);
      for (let i = 0; i < 200; i++) {
        now += Math.floor(random() ** 8 * 60_000);
        const bucket = Math.floor(now / 3_000);
        const failed = random() < 0.45;
        calls.push({ bucket, failed });
        if (!failed) {
          health.succeeded(now);
          continue;
        }
        const inWindow = calls.filter((call) => call.bucket > bucket - 10);
        const failures = inWindow.filter((call) => call.failed).length;
        expect(fails(health, "soft", now)).toBe(inWindow.length >= 10 && failures / inWindow.length >= 0.5);
      }
    }
  });
});

test("a probe that succeeded wipes everything", () => {
  const health = start();
  fails(health, "answered", 0);
  fails(health, "answered", 0);
  for (let i = 0; i < 7; i++) fails(health, "soft", 0);
  health.success();
  expect(fails(health, "answered", 0)).toBe(false);
  expect(fails(health, "answered", 0)).toBe(false);
});
