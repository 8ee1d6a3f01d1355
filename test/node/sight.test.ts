import type { Socket } from "node:net";
import { expect, test } from "vitest";
import { sightOfDial, sightOfRequest, sightOfResponse } from "../../src/node/sight.ts";

// What real servers show is in test/telemetry/hints.test.ts; here is what a test would have to wait for, or hope for.

const failure = (code: string, rest: object = {}) => Object.assign(new Error("no"), { code, ...rest });
const socket = (bytesRead: number, alpnProtocol?: string | false | null) =>
  ({ bytesRead, alpnProtocol }) as never as Socket;
const cleartext = { tls: false, isKnown: false } as const;
const secure = { tls: {}, isKnown: false } as const;
const parsed = (...bytes: number[]) => failure("HPE_INVALID_CONSTANT", { rawPacket: Buffer.from(bytes) });

test.each([
  ["a dial that is given up", "ETIMEDOUT", 0, "silent"],
  ["a reset", "ECONNRESET", 0, "closed"],
  ["a reset after some bytes", "ECONNRESET", 9, undefined],
  ["seven bytes and the end", "ECONNRESET", 7, "tls-alert"],
  ["seven bytes and silence", "ETIMEDOUT", 7, "tls-alert"],
  ["bytes of something else", "ERR_HTTP2_ERROR", 47, "not-http2"],
  ["a refused connection", "ECONNREFUSED", 0, undefined],
] as const)("cleartext: %s", (_, code, bytes, sight) => {
  expect(sightOfDial(failure(code), socket(bytes), socket(bytes), cleartext)).toBe(sight);
});

test.each([
  ["silence in the handshake", "ETIMEDOUT", null, {}, "silent"],
  ["silence after it, without HTTP/2", "ETIMEDOUT", false, {}, "no-alpn"],
  ["the end in the handshake", "ECONNRESET", null, {}, "closed-in-tls"],
  ["the end after it", "ECONNRESET", "h2", {}, "closed-in-tls"],
  ["the end after it, with a certificate", "ECONNRESET", "h2", { cert: "x" }, "closed-on-certificate"],
  ["something else after it", "ERR_HTTP2_ERROR", "h2", {}, "not-http2"],
  ["a certificate's fault, whatever ALPN chose", "CERT_HAS_EXPIRED", false, {}, undefined],
] as const)("TLS: %s", (_, code, chosen, tls, sight) => {
  expect(sightOfDial(failure(code), socket(2_000), socket(0, chosen), { tls, isKnown: false })).toBe(sight);
});

test("a server whose handlers have answered is not doubted, but what is seen is seen", () => {
  const known = { tls: false, isKnown: true } as const;
  expect(sightOfDial(failure("ECONNRESET"), socket(0), socket(0), known)).toBeUndefined();
  expect(sightOfDial(failure("ETIMEDOUT"), socket(0), socket(0), known)).toBeUndefined();
  expect(sightOfDial(failure("ECONNRESET"), socket(7), socket(7), known)).toBe("tls-alert");
  expect(sightOfRequest(failure("ECONNRESET"), socket(0), known)).toBeUndefined();
});

test.each([
  ["an alert of TLS", parsed(0x15, 3, 3, 0, 2, 2, 40), "tls-alert"],
  ["SETTINGS", parsed(0, 0, 0, 4, 0, 0, 0, 0, 0), "http2-frame"],
  ["SETTINGS and more", parsed(0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100), "http2-frame"],
  ["GOAWAY", parsed(0, 0, 8, 7, 0, 0, 0, 0, 0), "http2-frame"],
  ["another frame", parsed(0, 0, 8, 1, 0, 0, 0, 0, 0), undefined],
  ["SETTINGS of a stream", parsed(0, 0, 0, 4, 0, 0, 0, 0, 1), undefined],
  ["less than a frame's header", parsed(0, 0, 0, 4), undefined],
  ["text", parsed(...Buffer.from("SSH-2.0-OpenSSH")), undefined],
  ["nothing", parsed(), undefined],
] as const)("HTTP/1.1: %s", (_, error, sight) => {
  expect(sightOfRequest(error, socket(9), cleartext)).toBe(sight);
});

test("HTTP/1.1: a request that failed without a socket, or for other reasons", () => {
  expect(sightOfRequest(failure("ECONNRESET"), null, secure)).toBeUndefined();
  expect(sightOfRequest(failure("ERR_INVALID_CHAR"), socket(0), secure)).toBeUndefined();
  expect(sightOfRequest(undefined, socket(0), secure)).toBeUndefined();
});

test("HTTP/1.1: a 403 is Node's word on ALPN only as Node says it", () => {
  expect(sightOfResponse(403, "1.0", socket(9, false))).toBe("no-protocol");
  expect(sightOfResponse(403, "1.1", socket(9, false))).toBeUndefined();
  expect(sightOfResponse(403, "1.0", socket(9, "http/1.1"))).toBeUndefined();
  expect(sightOfResponse(403, "1.0", socket(9))).toBeUndefined();
});
