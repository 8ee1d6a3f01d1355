import { Code } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createBalancedTransport } from "../../src/node.ts";
import { startBlackHole } from "../support/black-hole.ts";
import { rejection } from "../support/endpoint-client.ts";
import { startFaultyRelay } from "../support/faulty-relay.ts";
import { type EchoServer, startEchoServer } from "../support/servers.ts";

test("a warm-up that reaches nobody fails as a call would", async () => {
  using hole = await startBlackHole();
  const refused = createBalancedTransport({ target: "static:///127.0.0.1:1", tls: false });
  const silent = createBalancedTransport({
    target: `static:///127.0.0.1:${hole.port}`,
    tls: false,
    connectTimeoutMs: 50,
  });
  for (const [transport, code] of [[refused, "ECONNREFUSED"] as const, [silent, "ETIMEDOUT"] as const]) {
    expect(await rejection(transport.warmUp())).toMatchObject({
      code: Code.Unavailable,
      rawMessage: `could not connect to a server: ${code}`,
    });
  }
});

test("a warm-up reaches servers that are further away than the time a call waits for them", async () => {
  await using server = await startEchoServer({ httpVersion: "2" });
  await using relay = await startFaultyRelay(server);
  relay.delayMs = 200;
  const target = `static:///127.0.0.1:${relay.port}`;
  const transport = createBalancedTransport({ target, tls: false, connectTimeoutMs: 50 });
  await transport.warmUp();
  expect(server.connections).toBe(1);
  await transport.warmUp();
  expect(server.connections).toBe(1);
});

test("what refresh() found, snapshot() shows", async () => {
  const transport = createBalancedTransport({ target: "static:///127.0.0.1:1", tls: false });
  expect(transport.snapshot().endpoints).toEqual([]);
  await transport.refresh();
  expect(transport.snapshot().endpoints.map(({ address }) => address)).toEqual(["127.0.0.1:1"]);
});

describe("a warm-up connects", () => {
  const servers: EchoServer[] = [];
  beforeAll(async () => {
    for (let i = 0; i < 6; i++) servers.push(await startEchoServer({ httpVersion: "2" }));
  });
  afterAll(() => {
    for (const server of servers) server.kill();
  });

  /** Which of the first servers a new transport connects to. */
  async function connectedTo(count: number, options?: { readonly connections: number }): Promise<number[]> {
    const before = servers.map(({ connections }) => connections);
    const target = `static:///${servers
      .slice(0, count)
      .map(({ port }) => `127.0.0.1:${port}`)
      .join(",")}`;
    const transport = createBalancedTransport({ target, tls: false, connectTimeoutMs: 10_000 });
    await transport.warmUp(options);
    transport.close();
    return servers.flatMap(({ connections }, i) => Array(connections - (before[i] as number)).fill(i));
  }

  test.each([
    ["to four servers by default", 6, undefined, 4],
    ["to all, where there are fewer", 3, undefined, 3],
    ["to as many as asked for", 6, { connections: 5 }, 5],
    ["to one", 6, { connections: 1 }, 1],
    ["to all, where fewer are there than asked for", 2, { connections: 5 }, 2],
  ])("%s, once each", async (_, count, options, connections) => {
    const connected = await connectedTo(count, options);
    expect(connected).toHaveLength(connections);
    expect(new Set(connected).size).toBe(connections);
  });

  test("to other servers from another process, so that no server gets all of them", async () => {
    const first = new Set<number | undefined>();
    // All alike with a probability of 6 to the power of -19.
    for (let process = 0; process < 20; process++) first.add((await connectedTo(6, { connections: 1 }))[0]);
    expect(first.size).toBeGreaterThan(1);
  });
});
