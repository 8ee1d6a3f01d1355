import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { type Pushback, pushbackOf } from "../../src/resilience/pushback.ts";

const NOW = Date.UTC(2026, 0, 1);

function pushback(headers: HeadersInit): Pushback {
  return pushbackOf(new ConnectError("", Code.Unavailable, headers), NOW);
}

test("a server that says nothing", () => {
  expect(pushback({})).toBeUndefined();
});

test.each<[string, Pushback]>([
  ["0", { exactlyMs: 0 }],
  ["100", { exactlyMs: 100 }],
  [" 100 ", { exactlyMs: 100 }],
  ["300000", { exactlyMs: 300_000 }],
  ["300001", "stop"],
  ["-1", "stop"],
  ["", "stop"],
  ["soon", "stop"],
  ["NaN", "stop"],
  ["Infinity", "stop"],
  ["1e3", "stop"],
  ["0x10", "stop"],
  ["1.5", "stop"],
  ["100, 200", "stop"],
  ["9".repeat(400), "stop"],
])("grpc-retry-pushback-ms %j", (value, expected) => {
  expect(pushback({ "grpc-retry-pushback-ms": value })).toEqual(expected);
});

test.each<[string, Pushback]>([
  ["0", { atLeastMs: 0 }],
  ["3", { atLeastMs: 3_000 }],
  [" 3 ", { atLeastMs: 3_000 }],
  ["300", { atLeastMs: 300_000 }],
  ["301", "stop"],
  ["Thu, 01 Jan 2026 00:00:10 GMT", { atLeastMs: 10_000 }],
  ["Thu, 01 Jan 2026 01:00:00 GMT", "stop"],
  ["Wed, 31 Dec 2025 23:59:00 GMT", { atLeastMs: 0 }],
  // RFC 9110 section 5.6.7: obsolete, and still to be understood.
  ["Thursday, 01-Jan-26 00:00:10 GMT", { atLeastMs: 10_000 }],
  ["Thu Jan  1 00:00:10 2026", { atLeastMs: 10_000 }],
  ["", undefined],
  ["soon", undefined],
  ["NaN", undefined],
  ["-5", undefined],
  ["1.5", undefined],
  ["2030", "stop"],
  ["1, 2", undefined],
  ["2026-01-01", undefined],
  ["Thu, 99 Jan 2026 00:00:10 GMT", undefined],
])("retry-after %j", (value, expected) => {
  expect(pushback({ "retry-after": value })).toEqual(expected);
});

test("grpc-retry-pushback-ms goes before retry-after", () => {
  expect(pushback({ "grpc-retry-pushback-ms": "7", "retry-after": "3" })).toEqual({ exactlyMs: 7 });
});
