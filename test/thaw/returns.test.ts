import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { createBalancedTransport } from "../../src/node.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { startEchoServer } from "../support/servers.ts";

const AWAY_MS = 4_000;
const TRIALS = 10;

/** How long a server that was away for 4 s waited for its first call, among two others, with 20 calls a second. */
async function msUntilCalled(leave: "kill" | "drain"): Promise<number> {
  const servers = await Promise.all(["a", "b", "c"].map((name) => startEchoServer({ name, httpVersion: "2" })));
  const [leaving] = servers as [(typeof servers)[0]];
  const target = `static:///${servers.map(({ port }) => `127.0.0.1:${port}`).join(",")}`;
  const transport = createBalancedTransport({ target, tls: false });
  const client = createClient(EchoService, transport);
  let calls = 0;
  let failed = 0;
  const calling = setInterval(() => {
    calls += 1;
    client.get({}).catch(() => failed++);
  }, 50);
  try {
    await transport.warmUp();
    await sleep(300);
    if (leave === "kill") leaving.kill();
    else await leaving.close();
    await sleep(AWAY_MS);
    const back = await startEchoServer({ name: "a", httpVersion: "2", port: leaving.port });
    const backAt = performance.now();
    try {
      while (back.calls === 0 && performance.now() - backAt < 10_000) await sleep(10);
      expect(calls).toBeGreaterThan(50);
      expect(failed).toBe(0);
      return performance.now() - backAt;
    } finally {
      back.kill();
    }
  } finally {
    clearInterval(calling);
    for (const server of servers) server.kill();
    transport.close();
  }
}

test.each(["kill", "drain"] as const)(
  "a server that was away for 4 s (%s) gets calls within 2 s of its return, each time",
  async (leave) => {
    const waits = await Promise.all(Array.from({ length: TRIALS }, () => msUntilCalled(leave)));
    expect(Math.max(...waits)).toBeLessThan(2_000);
  },
);

/** Three servers are restarted one after the other, while a call is made each second. What failed. */
async function rollingRestart(leave: "kill" | "drain"): Promise<unknown[]> {
  let servers = await Promise.all(["a", "b", "c"].map((name) => startEchoServer({ name, httpVersion: "2" })));
  const target = `static:///${servers.map(({ port }) => `127.0.0.1:${port}`).join(",")}`;
  const transport = createBalancedTransport({ target, tls: false });
  const client = createClient(EchoService, transport);
  const failures: unknown[] = [];
  let calls = 0;
  const calling = setInterval(() => {
    // Those that may be repeated and those that may not, in turn.
    const call = calls++ % 2 === 0 ? client.post({}) : client.get({});
    call.catch((error) => failures.push(error));
  }, 1_000);
  try {
    await sleep(2_500);
    for (const index of servers.keys()) {
      const { name, port } = servers[index] as (typeof servers)[0];
      // Between two calls: what is under way when a server is killed is lost with it.
      if (leave === "kill") servers[index]?.kill();
      else await servers[index]?.close();
      await sleep(1_200);
      const back = await startEchoServer({ name, httpVersion: "2", port });
      servers = servers.with(index, back);
      await sleep(800);
    }
    await sleep(1_000);
    expect(calls).toBeGreaterThan(7);
    return failures;
  } finally {
    clearInterval(calling);
    for (const server of servers) server.kill();
    transport.close();
  }
}

test.each(["kill", "drain"] as const)(
  "a rolling restart (%s) with little traffic fails no call, 50 times",
  async (leave) => {
    const failures = await Promise.all(Array.from({ length: 50 }, () => rollingRestart(leave)));
    expect(failures.flat().map(String)).toEqual([]);
  },
);
