import type { DescMethod } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Level } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import {
  type CallHistory,
  decideRetry,
  isIdempotent,
  type RetryDecision,
  type RetryLimits,
} from "../../src/resilience/decide-retry.ts";
import type { Outcome } from "../../src/resilience/outcome.ts";
import type { StopReason } from "../../src/resilience/stop-reason.ts";
import { EchoService } from "../support/gen/echo_pb.ts";

const NOW = Date.UTC(2026, 0, 1);
const { get, post } = EchoService.method;

const LIMITS: RetryLimits = {
  maxAttempts: 3,
  baseDelayMs: 100,
  maxDelayMs: 2_000,
  codes: new Set([Code.Unavailable]),
  idempotentMethods: new Set(),
};

interface Given {
  outcome: Outcome;
  headers?: HeadersInit;
  call?: Partial<CallHistory>;
  limits?: Partial<RetryLimits>;
  random?: number;
}

function decide({ outcome, headers, call, limits, random = 0.5 }: Given): RetryDecision {
  const history = {
    method: get as DescMethod,
    sent: 1,
    notSent: 0,
    transparent: 0,
    deadline: Number.POSITIVE_INFINITY,
    canResend: true,
    ...call,
  };
  const error = new ConnectError("", Code.Unavailable, headers);
  return decideRetry(error, outcome, history, { ...LIMITS, ...limits }, NOW, () => random);
}

const no = (because: StopReason) => ({ retry: false, because });
const notSent: Outcome = { kind: "not-sent", code: "ECONNREFUSED" };
const refused: Outcome = { kind: "refused", leaving: false };
const leftOut: Outcome = { kind: "refused", leaving: true };
const lost: Outcome = { kind: "ambiguous", cause: "lost" };
const stale: Outcome = { kind: "ambiguous", cause: "stale" };
const answered = (code: Code): Outcome => ({ kind: "answered", code });

describe("by outcome and idempotency", () => {
  const unknown = post as DescMethod;
  const noSideEffects = get as DescMethod;
  const idempotent: DescMethod = { ...post, idempotency: Level.IDEMPOTENT };
  // [outcome, unknown level, idempotent, no side effects]
  test.each<[string, Outcome, boolean, boolean, boolean]>([
    ["never sent", notSent, true, true, true],
    ["refused", refused, true, true, true],
    ["lost on a stale connection", stale, false, true, true],
    ["lost", lost, false, true, true],
    ["timed out", { kind: "ambiguous", cause: "timeout" }, false, true, true],
    ["a proxy's", { kind: "ambiguous", cause: "proxy" }, false, true, true],
    ["not known", { kind: "ambiguous", cause: "unknown" }, false, true, true],
    ["Unavailable", answered(Code.Unavailable), false, true, true],
    ["ResourceExhausted", answered(Code.ResourceExhausted), false, false, false],
    ["Internal", answered(Code.Internal), false, false, false],
    ["Unknown", answered(Code.Unknown), false, false, false],
    ["DeadlineExceeded", answered(Code.DeadlineExceeded), false, false, false],
    ["Aborted", answered(Code.Aborted), false, false, false],
    ["InvalidArgument", answered(Code.InvalidArgument), false, false, false],
    ["Canceled", answered(Code.Canceled), false, false, false],
    ["aborted by the caller", { kind: "caller", cause: "abort" }, false, false, false],
    ["the caller's deadline", { kind: "caller", cause: "deadline" }, false, false, false],
  ])("%s", (_, outcome, ...expected) => {
    const got = [unknown, idempotent, noSideEffects].map((method) => decide({ outcome, call: { method } }).retry);
    expect(got).toEqual(expected);
  });

  test("the user's codes take the place of Unavailable", () => {
    const limits = { codes: new Set([Code.Aborted]) };
    expect(decide({ outcome: answered(Code.Aborted), limits }).retry).toBe(true);
    expect(decide({ outcome: answered(Code.Unavailable), limits })).toEqual(no("code"));
  });

  test("the user's codes do not make a method repeatable", () => {
    const limits = { codes: new Set([Code.Aborted]) };
    expect(decide({ outcome: answered(Code.Aborted), limits, call: { method: post } })).toEqual(no("method"));
  });

  test.each([
    ["connectlb.test.v1.EchoService/Post", true],
    ["connectlb.test.v1.EchoService/*", true],
    ["connectlb.test.v1.EchoService/Get", false],
    ["connectlb.test.v1.Echo/*", false],
    ["EchoService/Post", false],
    ["*", false],
  ])("the user's list %j names Post: %s", (name, expected) => {
    expect(isIdempotent(post, new Set([name]))).toBe(expected);
    const limits = { idempotentMethods: new Set([name]) };
    expect(decide({ outcome: lost, call: { method: post }, limits }).retry).toBe(expected);
  });
});

describe("why not", () => {
  const caller = (cause: "abort" | "deadline" | "request" | "interceptor"): Outcome => ({ kind: "caller", cause });
  test.each<[string, Given, StopReason]>([
    ["the caller aborted", { outcome: caller("abort") }, "aborted"],
    ["the deadline has passed", { outcome: caller("deadline") }, "deadline"],
    ["the request cannot be sent", { outcome: caller("request") }, "request"],
    ["an interceptor threw", { outcome: caller("interceptor") }, "interceptor"],
    ["messages are gone, although it never left", { outcome: notSent, call: { canResend: false } }, "stream"],
    ["messages are gone", { outcome: lost, call: { canResend: false } }, "stream"],
    ["the code, before the messages", { outcome: answered(Code.NotFound), call: { canResend: false } }, "code"],
    ["the code, before the method", { outcome: answered(Code.NotFound), call: { method: post } }, "code"],
    ["the method, before the attempts", { outcome: lost, call: { method: post, sent: 3 } }, "method"],
  ])("%s", (_, given, because) => {
    expect(decide(given)).toEqual(no(because));
  });

  test("retries are off, unless it is the caller's own", () => {
    const history = { method: get, sent: 1, notSent: 0, transparent: 0, deadline: NOW + 1_000, canResend: true };
    const decideOff = (outcome: Outcome) => decideRetry(undefined, outcome, history, false, NOW, () => 0.5);
    expect([notSent, refused, lost, answered(Code.Unavailable)].map(decideOff)).toEqual(Array(4).fill(no("off")));
    expect(decideOff(caller("abort"))).toEqual(no("aborted"));
  });
});

describe("how often", () => {
  test("what was sent, up to maxAttempts in all", () => {
    expect([1, 2, 3, 4].map((sent) => decide({ outcome: lost, call: { sent } }).retry)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  test("one attempt means none", () => {
    for (const outcome of [refused, lost])
      expect(decide({ outcome, limits: { maxAttempts: 1 } })).toEqual(no("attempts"));
    const first = { sent: 0, transparent: 1 };
    expect(decide({ outcome: stale, call: first, limits: { maxAttempts: 1 } })).toEqual(no("attempts"));
    // This one has not been processed, so the next is the first that is.
    expect(decide({ outcome: refused, call: first, limits: { maxAttempts: 1 } }).retry).toBe(true);
  });

  test("what never left, free of charge and at once, also after the last attempt", () => {
    expect(decide({ outcome: notSent, call: { sent: 3, notSent: 1 } })).toEqual({
      retry: true,
      delayMs: 0,
      free: true,
      elsewhere: true,
    });
  });

  // docs/DECISIONS.md: each endpoint once per call, ten in all.
  test("what never left, ten times a call", () => {
    expect(decide({ outcome: notSent, call: { sent: 0, notSent: 9 } }).retry).toBe(true);
    expect(decide({ outcome: notSent, call: { sent: 0, notSent: 10 } })).toEqual(no("attempts"));
  });

  test("what was sent costs a token", () => {
    expect(decide({ outcome: lost })).toMatchObject({ free: false, elsewhere: false });
  });

  test.each([refused, stale])(
    "what its connection did, once free of charge and at once, also on the same endpoint: %j",
    (outcome) => {
      const once = { retry: true, delayMs: 0, free: true, elsewhere: false };
      expect(decide({ outcome, call: { sent: 0, transparent: 1 } })).toEqual(once);
      expect(decide({ outcome, call: { sent: 1, transparent: 2 } })).toMatchObject({ retry: true, free: false });
    },
  );
});

test("a server that leaves takes each call elsewhere, free of charge, as often as there is another one", () => {
  const elsewhere = { retry: true, delayMs: 0, free: true, elsewhere: true };
  for (const method of [get, post]) {
    const call = { method: method as DescMethod, sent: 0 };
    expect(decide({ outcome: leftOut, call: { ...call, transparent: 1 } })).toEqual({ ...elsewhere, elsewhere: false });
    expect(decide({ outcome: leftOut, call: { ...call, transparent: 2 } })).toEqual(elsewhere);
    expect(decide({ outcome: leftOut, call: { ...call, transparent: 10 } })).toEqual(elsewhere);
    expect(decide({ outcome: leftOut, call: { ...call, transparent: 11 } })).toEqual(no("attempts"));
  }
});

describe("after what wait", () => {
  test.each([
    [1, 0, 0],
    [1, 0.5, 50],
    [1, 0.999, 99.9],
    [2, 0.5, 100],
    [3, 0.5, 200],
    [5, 0.5, 800],
    [6, 0.5, 1_000],
    [60, 0.5, 1_000],
    [2_000, 0.5, 1_000],
  ])("full jitter, doubled by each attempt sent, to 2 s: %i sent, drawn %d: %d ms", (sent, random, delayMs) => {
    const limits = { maxAttempts: 10_000 };
    expect(decide({ outcome: lost, call: { sent }, random, limits })).toMatchObject({ delayMs });
  });

  test("attempts that never left do not lengthen it", () => {
    expect(decide({ outcome: lost, call: { sent: 1, notSent: 5 } })).toMatchObject({ delayMs: 50 });
  });

  test("none that reaches the deadline", () => {
    expect(decide({ outcome: lost, call: { deadline: NOW + 50 } })).toEqual(no("deadline"));
    expect(decide({ outcome: lost, call: { deadline: NOW + 51 } }).retry).toBe(true);
  });

  test("nothing after the deadline, sent or not", () => {
    for (const outcome of [notSent, lost])
      expect(decide({ outcome, call: { deadline: NOW }, random: 0 })).toEqual(no("deadline"));
  });
});

describe("as the server says", () => {
  test("grpc-retry-pushback-ms is followed to the millisecond", () => {
    const headers = { "grpc-retry-pushback-ms": "7" };
    expect(decide({ outcome: answered(Code.Unavailable), headers })).toMatchObject({ retry: true, delayMs: 7 });
  });

  test.each(["-1", "soon", "NaN", ""])("grpc-retry-pushback-ms %j forbids it", (value) => {
    const headers = { "grpc-retry-pushback-ms": value };
    expect(decide({ outcome: answered(Code.Unavailable), headers })).toEqual(no("pushback"));
  });

  test("a pushback beyond the deadline forbids it", () => {
    const headers = { "grpc-retry-pushback-ms": "1000" };
    expect(decide({ outcome: answered(Code.Unavailable), headers, call: { deadline: NOW + 1_000 } })).toEqual(
      no("deadline"),
    );
  });

  test("a pushback gives no more attempts", () => {
    const headers = { "grpc-retry-pushback-ms": "1" };
    expect(decide({ outcome: answered(Code.Unavailable), headers, call: { sent: 3 } })).toEqual(no("attempts"));
  });

  test.each([
    ["seconds", "3"],
    ["a date", new Date(NOW + 3_000).toUTCString()],
  ])(
    "retry-after as %s lengthens the wait, and spreads over a second those that were turned away together",
    (_, value) => {
      const headers = { "retry-after": value };
      const delays = [0, 0.5, 0.999].map((random) => decide({ outcome: answered(Code.Unavailable), headers, random }));
      expect(delays).toMatchObject([{ delayMs: 3_000 }, { delayMs: 3_500 }, { delayMs: 3_999 }]);
    },
  );

  test("retry-after never shortens it", () => {
    const headers = { "retry-after": "0" };
    expect(decide({ outcome: answered(Code.Unavailable), headers })).toMatchObject({ delayMs: 50 });
  });

  test("retry-after is followed for 5 s beyond our own wait at most", () => {
    const headers = { "retry-after": "60" };
    expect(decide({ outcome: answered(Code.Unavailable), headers })).toMatchObject({ delayMs: 5_550 });
  });

  test("an unreadable retry-after is as none", () => {
    const headers = { "retry-after": "1.5" };
    expect(decide({ outcome: answered(Code.Unavailable), headers })).toMatchObject({ delayMs: 50 });
  });

  describe.each([
    ["retry-after", "0"],
    ["retry-after", "1"],
    ["grpc-retry-pushback-ms", "0"],
    ["grpc-retry-pushback-ms", "10"],
  ])("%s: %s delays a retry and never makes one", (name, value) => {
    const codes = Object.values(Code).filter((code) => typeof code === "number");
    test.each(codes.map((code) => [Code[code], code] as const))("%s", (_, code) => {
      const headers = { [name]: value };
      expect(decide({ outcome: answered(code), headers, call: { method: post } })).toEqual(
        no(code === Code.Unavailable ? "method" : "code"),
      );
      expect(decide({ outcome: answered(code), headers }).retry).toBe(code === Code.Unavailable);
    });
  });

  test("a pushback of more than 20 s holds no call that has no deadline", () => {
    const pushback = (ms: number, deadline: number) => {
      const headers = { "grpc-retry-pushback-ms": `${ms}` };
      return decide({ outcome: answered(Code.Unavailable), headers, call: { deadline } }).retry;
    };
    expect(pushback(20_000, Number.POSITIVE_INFINITY)).toBe(true);
    expect(pushback(20_001, Number.POSITIVE_INFINITY)).toBe(false);
    expect(pushback(290_000, NOW + 300_000)).toBe(true);
  });

  test("an invitation does not make a lost call of an unknown method repeatable", () => {
    expect(decide({ outcome: lost, headers: { "retry-after": "1" }, call: { method: post } })).toEqual(no("method"));
  });

  test("what is no ConnectError has no headers", () => {
    const history = {
      method: get as DescMethod,
      sent: 1,
      notSent: 0,
      transparent: 0,
      deadline: Number.POSITIVE_INFINITY,
      canResend: true,
    };
    const decision = decideRetry("no", lost, history, LIMITS, NOW, () => 0.5);
    expect(decision).toEqual({ retry: true, delayMs: 50, free: false, elsewhere: false });
  });
});
