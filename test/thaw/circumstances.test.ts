import { setTimeout as sleep } from "node:timers/promises";
import { type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { describe, expect, test, vi } from "vitest";
import { type BalancedTransportOptions, createBalancedTransport } from "../../src/node.ts";
import { createTestAuthority, type TestAuthority } from "../support/certificates.ts";
import { type FaultyRelay, startFaultyRelay } from "../support/faulty-relay.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { type ServerProcess, startServerProcess } from "../support/server-process.ts";
import { type EchoServer, startEchoServer } from "../support/servers.ts";

// What looks like a lost server, and is none: without a freeze of the client, bare connect-node waits, and so must we.

const authority: Promise<TestAuthority> = createTestAuthority();

const protocols = ["connect", "grpc"] as const;
type Protocol = (typeof protocols)[number];
const kinds = ["get", "post", "serverStream"] as const;
type Kind = (typeof kinds)[number];
type EchoClient = Client<typeof EchoService>;

function balancedClient(ports: readonly number[], options: Partial<BalancedTransportOptions> = {}) {
  const target = `static:///${ports.map((port) => `127.0.0.1:${port}`).join(",")}`;
  const transport = createBalancedTransport({ target, tls: false, ...options });
  return { client: createClient(EchoService, transport), transport };
}

function bareClient(port: number, protocol: Protocol, tls?: { ca: string }): EchoClient {
  const create = protocol === "grpc" ? createGrpcTransport : createConnectTransport;
  const baseUrl = `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`;
  return createClient(EchoService, create({ baseUrl, httpVersion: "2", ...(tls && { nodeOptions: tls }) }));
}

async function call(client: EchoClient, kind: Kind, request: { text?: string; delayMs?: number } = {}): Promise<void> {
  if (kind !== "serverStream") await client[kind](request);
  else for await (const _ of client.serverStream({ ...request, count: 2 }));
}

/** "ok", or how it failed. */
async function outcomeOf(running: Promise<unknown>): Promise<string> {
  try {
    await running;
    return "ok";
  } catch (error) {
    return String(error);
  }
}

async function executionsOf(servers: readonly ServerProcess[]): Promise<Readonly<Record<string, number>>> {
  const sums: Record<string, number> = {};
  for (const each of await Promise.all(servers.map((server) => server.executions()))) {
    for (const [method, count] of Object.entries(each)) sums[method] = (sums[method] ?? 0) + count;
  }
  return sums;
}

test.concurrent.each([
  ["busy", 2_000],
  ["busy", 4_000],
  ["busy", 6_000],
  ["paused", 2_000],
  ["paused", 4_000],
  ["paused", 15_000],
] as const)("all servers %s for %i ms: every call is answered, as with bare connect-node", async (how, ms) => {
  const servers = await Promise.all([0, 1, 2].map(() => startServerProcess({ httpVersion: "2" })));
  try {
    const ports = servers.map(({ port }) => port);
    const clients = await Promise.all(
      protocols.flatMap((protocol) =>
        [true, false].map(async (isWarm) => {
          const { client, transport } = balancedClient(ports, { protocol });
          if (isWarm) await transport.warmUp({ connections: 3 });
          return { name: `${protocol}, ${isWarm ? "warm" : "cold"}`, client, transport };
        }),
      ),
    );
    const bare = bareClient(ports[0] as number, "connect");
    await bare.get({});
    const before = await executionsOf(servers);
    for (const server of servers) how === "busy" ? server.block(ms) : server.pause();
    await sleep(50);
    const theirs = outcomeOf(bare.post({}));
    const ours = clients.flatMap(({ name, client }) =>
      kinds.map(async (kind) => `${name}, ${kind}: ${await outcomeOf(call(client, kind))}`),
    );
    await sleep(ms - 50);
    if (how === "paused") for (const server of servers) server.resume();
    const expected = clients.flatMap(({ name }) => kinds.map((kind) => `${name}, ${kind}: ok`));
    expect(await Promise.all([...ours, theirs])).toEqual([...expected, "ok"]);
    const { get = 0, post = 0, serverStream = 0 } = await executionsOf(servers);
    // What may not be repeated runs once, what may at most twice; one POST is bare connect-node's.
    expect([post, serverStream]).toEqual([clients.length + 1, clients.length]);
    expect(get - (before.get ?? 0)).toBeLessThanOrEqual(2 * clients.length);
    for (const { transport } of clients) {
      const inFlight = () => transport.snapshot().endpoints.map((endpoint) => endpoint.inFlight);
      await vi.waitFor(() => expect(inFlight()).toEqual([0, 0, 0]), 5_000);
    }
  } finally {
    await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
  }
});

describe.concurrent("a slow upload into a window of 16 MB", () => {
  for (const protocol of protocols) {
    for (const kind of ["get", "post"] as const) {
      test(`${protocol}, ${kind}: 12 MB at 4 MB/s arrive once`, async () => {
        await using server = await startEchoServer({ httpVersion: "2", windowBytes: 16 * 2 ** 20 });
        await using relay = await startFaultyRelay(server);
        await using other = await startFaultyRelay(server);
        for (const each of [relay, other]) each.bytesPerMs = 4_000;
        const { client } = balancedClient([relay.port, other.port], { protocol });
        const text = "x".repeat(12 * 2 ** 20);
        expect((await client[kind]({ text })).text).toHaveLength(text.length);
        expect(server.callsByMethod).toEqual({ [kind]: 1 });
      });
    }
  }
});

describe.concurrent.each([300, 600, 1_200])("a server %i ms away, over TLS", (roundTripMs) => {
  async function far(httpVersion: "2" | "1.1"): Promise<{ server: EchoServer; relays: FaultyRelay[] }> {
    const server = await startEchoServer({ httpVersion, tls: await (await authority).server() });
    const relays = await Promise.all([0, 1].map(() => startFaultyRelay(server)));
    for (const relay of relays) relay.delayMs = roundTripMs / 2;
    return { server, relays };
  }

  for (const [protocol, httpVersion] of [
    ["connect", "2"],
    ["grpc", "2"],
    ["connect", "1.1"],
    ["grpc-web", "1.1"],
  ] as const) {
    for (const count of [1, 2]) {
      test(`${protocol} over HTTP/${httpVersion}, ${count} address: first calls, and calls after gaps`, async () => {
        const { server, relays } = await far(httpVersion);
        try {
          const ports = relays.slice(0, count).map(({ port }) => port);
          const { client } = balancedClient(ports, { protocol, httpVersion, tls: { ca: (await authority).ca } });
          for (const kind of kinds) expect(await outcomeOf(call(client, kind))).toBe("ok");
          const connects = relays.reduce((sum, { connections }) => sum + connections, 0);
          for (let gap = 0; gap < 3; gap++) {
            await sleep(1_300);
            expect(await outcomeOf(call(client, gap % 2 === 0 ? "post" : "get"))).toBe("ok");
          }
          expect(server.callsByMethod.post).toBe(3);
          // A connection that answers is kept, however far; another address may be called for the first time.
          const after = relays.reduce((sum, { connections }) => sum + connections, 0);
          if (httpVersion === "2") expect(after - connects).toBeLessThanOrEqual(count - 1);
        } finally {
          for (const relay of relays) await relay[Symbol.asyncDispose]();
          server.kill();
        }
      });
    }
  }
});
