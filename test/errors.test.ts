import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { userError } from "../src/errors.ts";
import type { Outcome } from "../src/resilience/outcome.ts";

/** What a connection that breaks looks like over HTTP/1.1: a code that would tell the user of a conflict. */
const broken = () => new ConnectError("write ECONNRESET", Code.Aborted);

const ours: [string, Outcome, string][] = [
  ["not sent", { kind: "not-sent", code: "ECONNREFUSED" }, "could not connect to a server: ECONNREFUSED"],
  ["refused", { kind: "refused", leaving: false }, "the server refused the request"],
  ["lost", { kind: "ambiguous", cause: "lost" }, "the connection to the server was lost"],
  ["lost on a stale connection", { kind: "ambiguous", cause: "stale" }, "the connection to the server was lost"],
];

test.each(ours)("what failed on our side is Unavailable, with the original as its cause: %s", (_, outcome, message) => {
  const error = broken();
  const seen = userError(error, outcome, false);
  expect(seen).toMatchObject({ code: Code.Unavailable, rawMessage: message });
  expect(seen.cause).toBe(error);
});

test.each(ours)("it is DeadlineExceeded where the call's time is up: %s", (_, outcome) => {
  const error = broken();
  const seen = userError(error, outcome, true);
  expect(seen).toMatchObject({ code: Code.DeadlineExceeded, rawMessage: "the operation timed out" });
  expect(seen.cause).toBe(error);
});

test.each<[string, Outcome]>([
  ["the server's", { kind: "answered", code: Code.Aborted }],
  ["the caller's", { kind: "caller", cause: "abort" }],
  ["a proxy's", { kind: "ambiguous", cause: "proxy" }],
])("any other is passed on as it is, whatever the time: %s", (_, outcome) => {
  const error = broken();
  expect(userError(error, outcome, true)).toBe(error);
});
