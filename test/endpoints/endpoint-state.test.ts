import { describe, expect, test } from "vitest";
import { closable, record } from "../support/records.ts";

describe("load", () => {
  test("is 0 for an endpoint that has not failed", () => {
    expect(record("a").load(1e12)).toBe(0);
  });

  test("is ten times the average after a failure, and fades", () => {
    const a = record("a");
    a.addFailure(1_000);
    expect(a.load(1_000)).toBeCloseTo(Math.log(10));
    expect(a.load(6_000)).toBeCloseTo(Math.log(10) / Math.E);
    expect(a.load(7_000)).toBeCloseTo(Math.log(10) * Math.exp(-6 / 5));
    expect(a.load(7_100)).toBe(0);
  });

  test("keeps an endpoint that lost a connection back for 1.4 s, unless it failed otherwise, too", () => {
    const [lost, failed] = [record("a"), record("b")];
    lost.addFailure(0, true);
    expect(lost.load(1_390)).toBeGreaterThan(0);
    expect(lost.load(1_400)).toBe(0);
    failed.addFailure(0);
    failed.addFailure(0, true);
    expect(failed.load(6_000)).toBeGreaterThan(0);
  });

  test("does not grow with further failures", () => {
    const a = record("a");
    for (let now = 0; now < 100; now++) a.addFailure(now);
    expect(a.load(99)).toBeCloseTo(Math.log(10));
  });

  test("is reset by an ejection", () => {
    const a = record("a");
    a.addFailure(0);
    a.resetLoad();
    expect(a.load(0)).toBe(0);
  });

  test("is forgotten by a clock that went back, not kept until the clock has caught up", () => {
    const a = record("a");
    a.addFailure(3_600_000);
    expect(a.load(0)).toBe(0);
  });
});

describe("release", () => {
  test("closes an endpoint that left the answer with its last call", () => {
    const a = record("a");
    const transport = closable();
    a.transport = transport;
    a.inFlight = 2;
    a.leftAt = 0;
    a.end();
    expect(transport.closed).toBe(0);
    a.end();
    expect(transport.closed).toBe(1);
    expect(a.transport).toBeUndefined();
  });

  test("keeps an endpoint of the answer open", () => {
    const a = record("a");
    const transport = closable();
    a.transport = transport;
    a.inFlight = 1;
    a.end();
    expect(transport.closed).toBe(0);
  });

  test("is not disturbed by a user's close() that throws", () => {
    const a = record("a");
    a.transport = {
      ...closable(),
      close: () => {
        throw new Error("a bug of the user's");
      },
    };
    a.inFlight = 1;
    a.leftAt = 0;
    a.end();
    expect(a.inFlight).toBe(0);
  });
});

test("calls that succeeded before the first failure count for the ratio", async () => {
  const used = record("used");
  for (let i = 0; i < 20; i++) used.succeeded(used.begin(0), 0);
  for (let i = 0; i < 19; i++) expect(await used.failed(used.begin(0), "soft", 0)).toBeUndefined();
  expect(await used.failed(used.begin(0), "soft", 0)).toBeGreaterThan(0);

  const fresh = record("fresh");
  for (let i = 0; i < 9; i++) expect(await fresh.failed(fresh.begin(0), "soft", 0)).toBeUndefined();
  expect(await fresh.failed(fresh.begin(0), "soft", 0)).toBeGreaterThan(0);
});
