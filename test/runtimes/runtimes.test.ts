import { execFile } from "node:child_process";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { startDnsServer } from "../../examples/demo/dns-server.ts";
import type { BalancedTransportOptions } from "../../src/public.ts";
import { createProject, type Project } from "../package/project.ts";
import { createTestAuthority, type TestAuthority } from "../support/certificates.ts";
import type { OtherRuntime } from "../support/runtime-program.ts";
import { startEchoServer } from "../support/servers.ts";
import { commandOf, start } from "./run.ts";

let project: Project;
let program: string;
let authority: TestAuthority;

beforeAll(async () => {
  authority = await createTestAuthority();
  project = await createProject();
  program = join(project.folder("esm"), "program.ts");
  cpSync(new URL("program.ts", import.meta.url), program);
});

afterAll(() => project?.[Symbol.dispose]());

const FREEZE_MS = 300;
const ENDED = { code: 0, stderr: "" };
const STREAM = "hello0 hello1 hello2";
const list = ({ port }: { port: number }) => `static:///127.0.0.1:${port}`;

describe.each<[OtherRuntime, RegExp]>([
  ["deno", /^deno 2\./],
  ["bun", /^1\./],
])("%s", (runtime, version) => {
  /** Makes both kinds of call, and waits until the process has ended although its connection is open. */
  async function expectCalls(options: BalancedTransportOptions): Promise<void> {
    using running = start(runtime, program, options);
    expect(await running.call("post")).toBe("hello");
    expect(await running.call("serverStream")).toBe(STREAM);
    expect(await running.end()).toEqual(ENDED);
  }

  test("is the one meant", async () => {
    const { stdout } = await promisify(execFile)(commandOf(runtime)[0], ["--version"]);
    expect(stdout).toMatch(version);
  });

  test.each(["2", "1.1"] as const)("calls by Connect over HTTP/%s", async (httpVersion) => {
    await using server = await startEchoServer({ httpVersion });
    await expectCalls({ target: list(server), tls: false, httpVersion });
    expect(server.requests).toHaveLength(2);
    expect(server.connections).toBe(1);
  });

  test("calls by gRPC over TLS, with a server that its IP address names", async () => {
    await using server = await startEchoServer({
      httpVersion: "2",
      tls: await authority.server({ ip: ["127.0.0.1"] }),
    });
    await expectCalls({ target: list(server), tls: { ca: authority.ca }, protocol: "grpc" });
  });

  test("calls by gRPC over TLS, with a server that SRV records name, asked by UDP", async () => {
    await using server = await startEchoServer({
      httpVersion: "2",
      tls: await authority.server({ dns: ["users.test"] }),
    });
    const dns = await startDnsServer();
    try {
      dns.srv("_grpc._tcp.users.test", [{ target: "one.users.test", port: server.port, address: "127.0.0.1" }], 30);
      const target = `srv://${dns.address}/_grpc._tcp.users.test`;
      await expectCalls({ target, tls: { ca: authority.ca }, protocol: "grpc" });
      expect(dns.queries).toBeGreaterThan(0);
    } finally {
      await dns.close();
    }
  });

  test.each(["2", "1.1"] as const)(
    "sends nothing to a server with another's certificate: HTTP/%s",
    async (httpVersion) => {
      const others = await authority.server({ ip: ["127.0.0.2"], dns: ["localhost"] });
      await using server = await startEchoServer({ httpVersion, tls: others });
      using running = start(runtime, program, { target: list(server), tls: { ca: authority.ca }, httpVersion });
      expect(await running.call("post")).toMatch(/ERR_TLS_CERT_ALTNAME_INVALID, outcomes: not-sent/);
      expect(server.connections).toBeGreaterThan(0);
      expect(server.requests).toEqual([]);
      expect(await running.end()).toEqual(ENDED);
    },
  );

  // Deno's own HTTP/2 may abort the process at a GOAWAY (`find_stream_on_goaway_func`), whichever library uses it.
  test.each(runtime === "deno" ? (["1.1"] as const) : (["2", "1.1"] as const))(
    "calls again where the server has closed the connection: HTTP/%s",
    async (httpVersion) => {
      await using server = await startEchoServer({ httpVersion });
      using running = start(runtime, program, { target: list(server), tls: false, httpVersion });
      expect(await running.call("post")).toBe("hello");
      server.drain();
      await vi.waitFor(() => expect(server.open).toBe(0), { timeout: 5_000 });
      expect(await running.call("post")).toBe("hello");
      expect(server.connections).toBe(2);
      expect(await running.end()).toEqual(ENDED);
    },
  );

  test("calls again where the server was replaced while the process was frozen", async () => {
    const first = await startEchoServer({ httpVersion: "2", name: "first" });
    using running = start(runtime, program, { target: list(first), tls: false });
    expect(await running.call("post")).toBe("hello");
    running.freeze();
    first.kill();
    await first.close();
    // Longer than a connection is trusted for without a look; the process's own clock must show it.
    await sleep(FREEZE_MS);
    await using second = await startEchoServer({ httpVersion: "2", port: first.port });
    const answer = running.call("post");
    running.thaw();
    expect(await answer).toBe("hello");
    expect(second.calls).toBe(1);
    expect(await running.end()).toEqual(ENDED);
  });
});
