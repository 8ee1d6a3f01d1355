import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createBalancedTransport } from "../../src/node.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { type EchoServer, startEchoServer } from "../support/servers.ts";
import { serviceName } from "./look-up.ts";
import { type AllServers, FORWARDER_NAMES, SERVER_NAMES, startAll } from "./servers/all.ts";

// DNS servers that crash and come back while calls run. The wall clock: what is restarted are processes.

const DOWN_MS = 600;
const TTL_MS = 100;

let echo: EchoServer;
let servers: AllServers;
beforeAll(async () => {
  echo = await startEchoServer({ name: "a", httpVersion: "2" });
  servers = await startAll(["h1 A 127.0.0.1", `_grpc._tcp.live 1 SRV 0 0 ${echo.port} h1`]);
});
afterAll(async () => {
  echo?.kill();
  await servers?.[Symbol.asyncDispose]();
});

/** Calls through a server, without a pause, until it has been disturbed and a look-up was answered after that. */
async function startCalling(name: string) {
  const transport = createBalancedTransport({
    target: `srv://${servers.get(name).address}/${serviceName("live")}`,
    tls: false,
    dns: { minTtlMs: TTL_MS, maxTtlMs: TTL_MS },
  });
  const client = createClient(EchoService, transport);
  await client.get({});
  const ageMs = () => transport.snapshot().answer?.ageMs as number;
  let oldestMs = 0;
  const callUntil = async (isOver: () => boolean) => {
    while (!isOver()) {
      await client.get({});
      oldestMs = Math.max(oldestMs, ageMs());
      await sleep(5);
    }
  };
  /** What it returns: the oldest answer that calls went on with. */
  return async (disturbed: Promise<void>): Promise<number> => {
    let isOver = false;
    const over = disturbed.finally(() => {
      isOver = true;
    });
    await callUntil(() => isOver);
    await over;
    const overAt = performance.now();
    await callUntil(() => ageMs() < performance.now() - overAt);
    return oldestMs;
  };
}

async function restart(name: string): Promise<void> {
  await servers.get(name).down();
  await sleep(DOWN_MS);
  await servers.get(name).up();
}

test.concurrent.each(SERVER_NAMES.filter((name) => name !== "knot"))("%s", async (name) => {
  const callThrough = await startCalling(name);
  expect(await callThrough(restart(name))).toBeGreaterThan(DOWN_MS - 2 * TTL_MS);
});

/** It does not ask a server again that has failed, for up to a minute, and answers SERVFAIL meanwhile. */
const SLOW = "PowerDNS Recursor";

test("knot, and with it what the forwarders ask", async () => {
  const names = ["knot", ...FORWARDER_NAMES.filter((name) => name !== SLOW)];
  const calling = await Promise.all(names.map(startCalling));
  const restarted = restart("knot");
  const [oldestMs] = await Promise.all(calling.map((callThrough) => callThrough(restarted)));
  expect(oldestMs).toBeGreaterThan(DOWN_MS - 2 * TTL_MS);
});
