import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startEchoServer } from "../support/servers.ts";
import { buildFirstCall, type FirstCall, runFirstCall, unneeded, type Way } from "./programs.ts";
import { type FirstServer, startFirstServer } from "./servers.ts";

// What the first call of a process makes Node load. Milliseconds depend on the machine; this does not.

let server: FirstServer;

beforeAll(async () => {
  server = await startFirstServer();
});
afterAll(() => server?.[Symbol.asyncDispose]());

const ways: readonly Way[] = [
  { kind: "esm", bundled: false },
  { kind: "cjs", bundled: false },
  { kind: "esm", bundled: true },
  { kind: "cjs", bundled: true },
  { kind: "esm", bundled: true, minify: true },
  { kind: "cjs", bundled: true, minify: true },
];

const calls: Readonly<Record<string, object>> = {
  "nothing else": {},
  "a header": { headers: { authorization: "Bearer token" } },
  "a time limit": { timeoutMs: 5_000 },
};

describe.each(ways)("kind: $kind, bundled: $bundled, minified: $minify", (way) => {
  let file: string;
  beforeAll(async () => {
    file = await buildFirstCall(way);
  });

  const load = (scheme: keyof FirstServer["targets"], call: FirstCall["call"] = {}, options = {}) =>
    runFirstCall(file, { options: { target: server.targets[scheme], tls: false, ...options }, call });

  test.each(Object.entries(calls))("a first call with %s loads nothing that it does not need", async (_, call) => {
    for (const scheme of ["static", "srv"] as const) {
      expect(unneeded((await load(scheme, call)).answered)).toEqual([]);
    }
  });

  test("what every call needs is loaded when the transport is created", async () => {
    const { created, answered } = await load("static");
    expect(answered.filter((module) => !created.includes(module))).toEqual([]);
    expect(created).toEqual(expect.arrayContaining(["NativeModule http2", "NativeModule net"]));
    expect(created).not.toContain("NativeModule dgram");
  });

  test("so is what DNS needs, except what Node loads with the first socket", async () => {
    const { created, answered } = await load("srv");
    expect(created).toEqual(expect.arrayContaining(["NativeModule dgram", "NativeModule crypto"]));
    const late = answered.filter((module) => module.startsWith("NativeModule") && !created.includes(module));
    expect(late.filter((module) => !OF_UDP.test(module))).toEqual([]);
  });
});

/** dgram asks whether the process is one of a cluster. */
const OF_UDP = /child_process|cluster|socket_list/;

describe("what few calls need is loaded for them, and works", () => {
  const [zlib, undici] = ["NativeModule zlib", "NativeModule internal/deps/undici/undici"];
  let file: string;
  beforeAll(async () => {
    file = await buildFirstCall({ kind: "esm", bundled: true });
  });

  test("a compressed answer", async () => {
    const options = { target: server.targets.static, tls: false };
    const { created, answered } = await runFirstCall(file, { options, text: "hello".repeat(1_000) });
    expect(created).not.toContain(zlib);
    expect(answered).toContain(zlib);
  });

  test("gRPC-web, by connect-node", async () => {
    const options = { target: server.targets.static, tls: false, protocol: "grpc-web" };
    const { created, answered } = await runFirstCall(file, { options });
    expect(created).not.toContain(undici);
    expect(answered).toContain(undici);
  });

  test("HTTP/1.1, by connect-node", async () => {
    const http1 = await startEchoServer({ httpVersion: "1.1" });
    const options = { target: `static:///127.0.0.1:${http1.port}`, tls: false, httpVersion: "1.1" };
    const { created, answered } = await runFirstCall(file, { options }).finally(() => http1.kill());
    expect(created).toContain("NativeModule http");
    expect(created).not.toContain("NativeModule http2");
    expect(answered).toContain(undici);
  });
});
