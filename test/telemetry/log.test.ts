import { expect, test } from "vitest";
import type { BalancedTransportEvent } from "../../src/telemetry/events.ts";
import { logListener } from "../../src/telemetry/log.ts";

function linesOf(level: "info" | "debug", event: BalancedTransportEvent): string[] {
  const lines: string[] = [];
  logListener(
    level,
    (line) => lines.push(line),
    () => 0,
  )(event);
  return lines;
}

test("dropped records are a warning, on one line whatever they say", () => {
  const reason = 'the server name "a\u0085\u2028\u001b[31m" is not a host name';
  const event = { type: "records-dropped", target: "mine\u001b[2J\u007f", dropped: 2, reason } as const;
  expect(linesOf("info", event)).toEqual([
    'time=1970-01-01T00:00:00.000Z level=warn msg="connect-lb: records-dropped" target=mine\\u001b[2J\\u007f dropped=2 reason="the server name \\"a\\u0085\\u2028\\u001b[31m\\" is not a host name"',
  ]);
});

test("an empty answer is one line that says why", () => {
  const event = { type: "empty", target: "srv:///x.test", reason: "x.test does not exist (NXDOMAIN)" } as const;
  expect(linesOf("info", event)).toEqual([
    'time=1970-01-01T00:00:00.000Z level=warn msg="connect-lb: empty" target=srv:///x.test reason="x.test does not exist (NXDOMAIN)"',
  ]);
});

test("certificates that were replaced are one line, with the paths of their files", () => {
  const files = ["/etc/tls/ca.crt", "/etc/tls/tls.crt"];
  expect(linesOf("info", { type: "tls-reloaded", target: "srv:///x.test", files })).toEqual([
    'time=1970-01-01T00:00:00.000Z level=info msg="connect-lb: tls-reloaded" target=srv:///x.test files=/etc/tls/ca.crt,/etc/tls/tls.crt',
  ]);
  const error = new Error("tls: file:/etc/tls/ca.crt contains no certificate");
  expect(linesOf("info", { type: "tls-reload-failed", target: "srv:///x.test", files, error })).toEqual([
    'time=1970-01-01T00:00:00.000Z level=warn msg="connect-lb: tls-reload-failed" target=srv:///x.test files=/etc/tls/ca.crt,/etc/tls/tls.crt error="tls: file:/etc/tls/ca.crt contains no certificate"',
  ]);
});

test("a token in cleartext is a warning that names the server", () => {
  const event = { type: "token-in-cleartext", target: "consul+http://a/users", server: "a:8500" } as const;
  expect(linesOf("info", event)).toEqual([
    'time=1970-01-01T00:00:00.000Z level=warn msg="connect-lb: token-in-cleartext" target=consul+http://a/users server=a:8500',
  ]);
});

test("an error that cannot be read is one line as well", () => {
  const hostile = Object.defineProperty(new Error("no"), "message", {
    get() {
      throw new Error("a bug of the user's");
    },
  });
  for (const error of [hostile, Object.create(null), { toString: () => 1 }, Symbol("why"), undefined]) {
    const event = { type: "callback-failed", target: "mine", callback: "onEvent", error } as const;
    expect(linesOf("info", event)).toEqual([expect.stringMatching(/ target=mine callback=onEvent error=\S+/)]);
  }
});
