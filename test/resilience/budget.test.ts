import { expect, test } from "vitest";
import { RetryBudget } from "../../src/resilience/budget.ts";

/** Fails one call after another, each with as many retries as the budget gives; returns the retries. */
function retriesInOutage(budget: RetryBudget, calls: number, from: number, everyMs: number, maxAttempts = 3): number {
  let retries = 0;
  for (let call = 0; call < calls; call++) {
    const now = from + call * everyMs;
    for (let attempt = 1; ; attempt++) {
      budget.failed(now);
      if (attempt === maxAttempts || !budget.allowsRetry(now)) break;
      retries++;
    }
  }
  return retries;
}

/** So many attempts in flight, one of which succeeds. */
function traffic(budget: RetryBudget, inFlight: number, now: number): void {
  for (let i = 0; i < inFlight; i++) budget.begin();
  budget.succeeded(now);
  for (let i = 0; i < inFlight; i++) budget.end();
}

test("a process at rest has four retries in an outage, then none", () => {
  const budget = new RetryBudget();
  expect(retriesInOutage(budget, 1, 0, 0, 100)).toBe(4);
  expect(retriesInOutage(budget, 1_000, 0, 1)).toBe(0);
});

test("the last failure of a call, which nothing follows, costs as well", () => {
  expect(retriesInOutage(new RetryBudget(), 1_000, 0, 0, 3)).toBe(3);
});

test("an outage in which a process fails once a second stays at four retries", () => {
  expect(retriesInOutage(new RetryBudget(), 3_600, 0, 1_000)).toBe(4);
});

test("a retry needs a debt below the size less 5", () => {
  const budget = new RetryBudget();
  for (let i = 0; i < 4; i++) budget.failed(0);
  expect(budget.debt(0)).toBe(4);
  expect(budget.allowsRetry(0)).toBe(true);
  budget.failed(0);
  expect(budget.debt(0)).toBe(5);
  expect(budget.allowsRetry(0)).toBe(false);
});

test.each([1, 5, 6, 30, 90, 300])("a process with %i calls in flight can repeat them all", (inFlight) => {
  const budget = new RetryBudget();
  traffic(budget, inFlight, 0);
  expect(budget.size(0)).toBe(Math.max(10, 5 + inFlight));
  for (let i = 1; i < inFlight; i++) {
    budget.failed(1_000);
    expect(budget.allowsRetry(1_000)).toBe(i < Math.max(5, inFlight));
  }
});

test("the peak of ten seconds counts, and is forgotten after them", () => {
  const budget = new RetryBudget();
  traffic(budget, 90, 0);
  for (let now = 500; now <= 8_000; now += 500) {
    traffic(budget, 2, now);
    expect(budget.size(now)).toBe(95);
  }
  expect(budget.size(10_000)).toBe(10);
});

test("an outage, in which nothing succeeds and calls pile up, enlarges nothing", () => {
  const budget = new RetryBudget();
  traffic(budget, 20, 0);
  for (let i = 0; i < 1_000; i++) budget.begin();
  for (let i = 0; i < 1_000; i++) budget.failed(1_000);
  expect(budget.size(1_000)).toBe(25);
  expect(budget.debt(1_000)).toBe(25);
  // What was allowed by the traffic of before is owed no longer than that counts.
  expect(budget.size(11_000)).toBe(10);
  expect(budget.debt(11_000)).toBe(10);
});

test("a success of a call that began a minute ago forgets nothing", () => {
  const budget = new RetryBudget();
  traffic(budget, 90, 100_000);
  traffic(budget, 3, 40_000);
  expect(budget.size(101_000)).toBe(95);
});

test("a clock that went back an hour forgets the peak", () => {
  const budget = new RetryBudget();
  traffic(budget, 90, 3_700_000);
  expect(budget.size(100_000)).toBe(10);
});

test("a success at the limit gives the next retry", () => {
  const budget = new RetryBudget();
  for (let i = 0; i < 5; i++) budget.failed(0);
  budget.succeeded(0);
  expect(budget.allowsRetry(0)).toBe(true);
});

test("a success pays a tenth of what a failure costs", () => {
  const budget = new RetryBudget();
  budget.failed(0);
  for (let i = 0; i < 9; i++) budget.succeeded(0);
  expect(budget.debt(0)).toBeCloseTo(0.1);
});

test("the debt is never below zero, whether by successes or by time, and never above the size", () => {
  const budget = new RetryBudget();
  budget.succeeded(0);
  expect(budget.debt(0)).toBe(0);
  budget.failed(0);
  expect(budget.debt(3_600_000)).toBe(0);
  for (let i = 0; i < 100; i++) budget.failed(3_600_000);
  expect(budget.debt(3_600_000)).toBe(10);
});

test("the whole debt allows a retry after 100 s without failures, and not before", () => {
  const budget = new RetryBudget();
  for (let i = 0; i < 100; i++) budget.failed(0);
  expect(budget.allowsRetry(99_990)).toBe(false);
  expect(budget.allowsRetry(100_010)).toBe(true);
});

test("is paid by the time passed, however often it is asked", () => {
  const often = new RetryBudget();
  const once = new RetryBudget();
  for (let i = 0; i < 5; i++) {
    often.failed(0);
    once.failed(0);
  }
  for (let now = 0; now <= 20_000; now += 7) often.allowsRetry(now);
  expect(often.debt(20_000)).toBeCloseTo(once.debt(20_000));
  expect(once.debt(20_000)).toBeCloseTo(4);
});

test("a clock that goes back pays nothing and takes nothing", () => {
  const budget = new RetryBudget();
  for (let i = 0; i < 5; i++) budget.failed(1_000_000);
  expect(budget.debt(0)).toBe(5);
  expect(budget.debt(20_000)).toBeCloseTo(4);
});
