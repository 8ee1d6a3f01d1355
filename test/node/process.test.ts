import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import { startBlackHole } from "../support/black-hole.ts";
import type { EndpointClientOptions } from "../support/endpoint-client.ts";
import { startFaultyRelay } from "../support/faulty-relay.ts";
import { startEchoServer } from "../support/servers.ts";

// Each starts a process, which takes a busy machine seconds.
vi.setConfig({ testTimeout: 60_000 });

const script = new URL("../support/endpoint-child.ts", import.meta.url).pathname;

interface Child {
  process: ChildProcessWithoutNullStreams;
  /** The next line that it prints. */
  next(): Promise<Record<string, unknown>>;
}

/** It is done, and nothing holds it: no milliseconds are counted, because a busy machine takes some. */
async function expectToExit(child: Child): Promise<void> {
  try {
    expect(await child.next()).toEqual({ held: [] });
    if (child.process.exitCode === null) await once(child.process, "exit");
    expect(child.process.exitCode).toBe(0);
  } finally {
    child.process.kill("SIGKILL");
  }
}

function start(action: string, options: EndpointClientOptions & { waitMs?: number; timeoutMs?: number }): Child {
  return adopt(spawn(process.execPath, [script, action, JSON.stringify(options)]));
}

function adopt(child: ChildProcessWithoutNullStreams): Child {
  child.stderr.pipe(process.stderr);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    process: child,
    async next() {
      const { value } = await lines.next();
      return JSON.parse(value ?? '{"error":"no answer"}');
    },
  };
}

describe.each(["2", "1.1"] as const)("a process, HTTP/%s", (httpVersion) => {
  test("exits by itself after a call", async () => {
    await using server = await startEchoServer({ httpVersion });
    await expectToExit(start("call", { port: server.port, httpVersion }));
  });

  test.each(["goaway", "fin", "reset"] as const)("that was frozen: first call after %s succeeds", async (fault) => {
    const old = await startEchoServer({ name: "old", httpVersion });
    await using relay = await startFaultyRelay(old);
    const through = fault === "goaway" ? old.port : relay.port;
    const child = start("thaw", { port: through, httpVersion });
    try {
      expect(await child.next()).toEqual({ ready: true });
      child.process.kill("SIGSTOP");
      await sleep(20);
      if (fault === "goaway") void old.close();
      else relay[fault]();
      await sleep(280);
      const fresh =
        fault === "goaway" ? await startEchoServer({ name: "new", httpVersion, port: old.port }) : undefined;
      child.process.stdin.write("go\n");
      child.process.kill("SIGCONT");
      expect(await child.next()).toEqual({ server: fault === "goaway" ? "new" : "old" });
      fresh?.kill();
    } finally {
      child.process.kill("SIGKILL");
      old.kill();
    }
  });
});

test.each(["connect", "grpc"] as const)(
  "a process exits by itself after a call with a deadline, %s",
  async (protocol) => {
    await using server = await startEchoServer({ httpVersion: "2" });
    await expectToExit(start("call", { port: server.port, protocol, timeoutMs: 60_000 }));
  },
);

describe("a connect that is never answered holds nothing once nobody waits for it", () => {
  test("in the TLS handshake", async () => {
    await using server = await startEchoServer({ httpVersion: "2" });
    await using relay = await startFaultyRelay(server);
    relay.blackHole(true);
    await expectToExit(start("wait", { port: relay.port, tls: {}, waitMs: 30, connectTimeoutMs: 60_000 }));
  });

  test("in the TCP handshake", async () => {
    using hole = await startBlackHole();
    await expectToExit(start("wait", { port: hole.port, waitMs: 30, connectTimeoutMs: 60_000 }));
  });
});
