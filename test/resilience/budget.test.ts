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

test("a full bucket gives four retries in an outage, then none", () => {
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

test("a retry needs more than half of the bucket", () => {
  const budget = new RetryBudget();
  for (let i = 0; i < 4; i++) budget.failed(0);
  expect(budget.tokens(0)).toBe(6);
  expect(budget.allowsRetry(0)).toBe(true);
  budget.failed(0);
  expect(budget.tokens(0)).toBe(5);
  expect(budget.allowsRetry(0)).toBe(false);
});

test("what is left is as many retries as failures at once would get", () => {
  for (let failures = 0; failures < 10; failures++) {
    const [budget, twin] = [new RetryBudget(), new RetryBudget()];
    for (let i = 0; i < failures; i++) for (const each of [budget, twin]) each.failed(0);
    expect(budget.retriesLeft(0)).toBe(retriesInOutage(twin, 1, 0, 0, 100));
  }
});

test("a success at the limit gives the next retry", () => {
  const budget = new RetryBudget();
  for (let i = 0; i < 5; i++) budget.failed(0);
  budget.succeeded();
  expect(budget.allowsRetry(0)).toBe(true);
});

test("a success gives a tenth of what a failure costs", () => {
  const budget = new RetryBudget();
  budget.failed(0);
  for (let i = 0; i < 9; i++) budget.succeeded();
  expect(budget.tokens(0)).toBeCloseTo(9.9);
});

test("holds ten at most, whether by successes or by time", () => {
  const budget = new RetryBudget();
  budget.succeeded();
  expect(budget.tokens(0)).toBe(10);
  budget.failed(0);
  expect(budget.tokens(3_600_000)).toBe(10);
  budget.succeeded();
  expect(budget.tokens(3_600_000)).toBe(10);
});

test("never falls below zero", () => {
  const budget = new RetryBudget();
  for (let i = 0; i < 100; i++) budget.failed(0);
  expect(budget.tokens(0)).toBe(0);
});

test("an empty bucket gives a retry after 100 s without failures, and not before", () => {
  const budget = new RetryBudget();
  for (let i = 0; i < 100; i++) budget.failed(0);
  expect(budget.allowsRetry(99_990)).toBe(false);
  expect(budget.allowsRetry(100_010)).toBe(true);
});

test("refills by the time passed, however often it is asked", () => {
  const often = new RetryBudget();
  const once = new RetryBudget();
  for (let i = 0; i < 5; i++) {
    often.failed(0);
    once.failed(0);
  }
  for (let now = 0; now <= 20_000; now += 7) often.allowsRetry(now);
  expect(often.tokens(20_000)).toBeCloseTo(once.tokens(20_000));
  expect(once.tokens(20_000)).toBeCloseTo(6);
});

test("a clock that goes back gives nothing and takes nothing", () => {
  const budget = new RetryBudget();
  for (let i = 0; i < 5; i++) budget.failed(1_000_000);
  expect(budget.tokens(0)).toBe(5);
  expect(budget.tokens(20_000)).toBeCloseTo(6);
});
