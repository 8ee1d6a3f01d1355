import { setTimeout as sleep } from "node:timers/promises";
import { Code, type ConnectError, createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BalancedTransportOptions, callReport, createBalancedTransport } from "../../src/node.ts";
import { rejection } from "../support/endpoint-client.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { type EchoServer, startEchoServer } from "../support/servers.ts";
import { inMemory } from "./in-memory.ts";
import { dnsmasq } from "./servers/dnsmasq.ts";
import { knot } from "./servers/knot.ts";
import { type RealServer, startServer } from "./servers/process.ts";
import { RECORDS, ZONE } from "./zones.ts";

// Calls that find their servers through a real DNS server.

const TTL_MS = 1_000;
const shares = { two: [9, 1], five: [9, 1, 1, 1, 1] };

let servers: EchoServer[];
let sixty: EchoServer[];
let records: readonly string[];
let found: Record<"knot" | "dnsmasq", RealServer<readonly string[]>>;

beforeAll(async () => {
  servers = await Promise.all(["a", "b", "c"].map((name) => startEchoServer({ name, httpVersion: "2" })));
  sixty = await Promise.all(
    Array.from({ length: 60 }, (_, i) =>
      startEchoServer({ name: `${i}`, httpVersion: "2", address: `127.0.0.${i + 1}` }),
    ),
  );
  records = [
    ...RECORDS,
    `_grpc._tcp.live SRV 0 60 ${port(0)} h1`,
    `_grpc._tcp.live SRV 0 40 ${port(1)} h1`,
    `_grpc._tcp.live SRV 5 0 ${port(2)} h1`,
    ...sixty.map((server, i) => `_grpc._tcp.all SRV 0 1 ${server.port} h${i + 1}`),
    ...Object.entries(shares).flatMap(([service, weights]) =>
      weights.map((weight, i) => `_grpc._tcp.${service} SRV 0 ${weight} 80 h${i + 1}`),
    ),
    ...[1, 2, 3, 4].map((host) => `_grpc._tcp.tiers SRV ${host > 2 ? 7 : 3} 1 80 h${host}`),
    "_grpc._tcp.renamed CNAME _grpc._tcp.live",
    `_grpc._tcp.pointed SRV 0 0 ${port(0)} alias`,
    moves(0),
  ];
  const [inKnot, inDnsmasq] = await Promise.all([startServer(knot, records), startServer(dnsmasq, records)]);
  found = { knot: inKnot, dnsmasq: inDnsmasq };
});
afterAll(async () => {
  for (const server of [...(servers ?? []), ...(sixty ?? [])]) server.kill();
  await Promise.all(Object.values(found ?? {}).map((server) => server.stop()));
});

const port = (index: number) => (servers[index] as EchoServer).port;
const moves = (index: number) => `_grpc._tcp.moves ${TTL_MS / 1000} SRV 0 0 ${port(index)} h1`;

function clientOf(dns: RealServer<unknown>, service: string, options: Partial<BalancedTransportOptions> = {}) {
  const target = `srv://${dns.address}/_grpc._tcp.${service}.${ZONE}`;
  const transport = createBalancedTransport({ target, tls: false, ...options });
  return { transport, client: createClient(EchoService, transport) };
}

async function countAnswers(
  client: ReturnType<typeof clientOf>["client"],
  calls: number,
): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (let i = 0; i < calls; i++) {
    const { server } = await client.get({});
    counts.set(server, (counts.get(server) ?? 0) + 1);
  }
  return counts;
}

describe.each(["knot", "dnsmasq"] as const)("found through %s", (kind) => {
  const dns = () => found[kind];

  test("three targets: the first priority gets every call, by weight", async () => {
    const counts = await countAnswers(clientOf(dns(), "live").client, 1_000);
    expect([...counts.keys()].sort()).toEqual(["a", "b"]);
    expect(counts.get("a")).toBeGreaterThan(540);
    expect(counts.get("a")).toBeLessThan(660);
  });

  test("sixty targets, over TCP: all of them get calls", async () => {
    const counts = await countAnswers(clientOf(dns(), "all", { picker: "round-robin" }).client, 120);
    expect(counts.size).toBe(60);
    expect(new Set(counts.values())).toEqual(new Set([2]));
  });

  test("a target that is an alias", async () => {
    expect((await countAnswers(clientOf(dns(), "pointed").client, 3)).get("a")).toBe(3);
  });

  test("an alias at the owner of the SRV records", async () => {
    expect((await countAnswers(clientOf(dns(), "renamed").client, 20)).size).toBe(2);
  });

  test.each([
    ["a name that does not exist", "missing", "NXDOMAIN"],
    ["the target '.'", "none", "."],
  ])("%s is one clear error", async (_, service, reason) => {
    const { client, transport } = clientOf(dns(), service);
    const error = (await rejection(client.get({}))) as ConnectError;
    expect(error.code).toBe(Code.Unavailable);
    expect(error.message).not.toContain(ZONE);
    expect(`${callReport(error)?.lookUpError ?? transport.snapshot().answer?.reason}`).toContain(reason);
  });

  test("a name without SRV records is one clear error", async () => {
    const target = `srv://${dns().address}/only-a.${ZONE}`;
    const transport = createBalancedTransport({ target, tls: false });
    const error = await rejection(createClient(EchoService, transport).get({}));
    expect(error).toMatchObject({ code: Code.Unavailable });
    expect(`${callReport(error)?.lookUpError ?? transport.snapshot().answer?.reason}`).toContain("has no SRV records");
  });

  describe.each(Object.entries(shares))("weights, %s targets", (service, weights) => {
    test.each([1, 64])("give their shares within 2 points over 20,000 calls, %i in flight", async (concurrency) => {
      const memory = inMemory();
      const { client } = clientOf(dns(), service, { createEndpointTransport: memory.create });
      await memory.callMany(client, 20_000, concurrency);
      const sum = weights.reduce((a, b) => a + b);
      for (const [i, weight] of weights.entries()) {
        const share = memory.calls(`127.0.0.${i + 1}`) / 20_000;
        expect(Math.abs(share - weight / sum), `${i}: ${share}`).toBeLessThan(0.02);
      }
    });
  });

  test("no endpoint of a lower tier is used while one above is eligible", async () => {
    const memory = inMemory();
    const { client } = clientOf(dns(), "tiers", { createEndpointTransport: memory.create });
    await memory.callMany(client, 5_000, 16);
    memory.refuse("127.0.0.1");
    await memory.callMany(client, 5_000, 16);
    expect(memory.calls("127.0.0.3") + memory.calls("127.0.0.4")).toBe(0);
    memory.refuse("127.0.0.2");
    await memory.callMany(client, 1_000, 16);
    expect(memory.calls("127.0.0.3")).toBeGreaterThan(300);
    expect(memory.calls("127.0.0.4")).toBeGreaterThan(300);
  });
});

test("a change of knot's zone is followed within the TTL, without a failed call", async () => {
  const { client } = clientOf(found.knot, "moves", { dns: { minTtlMs: TTL_MS } });
  expect((await client.get({})).server).toBe("a");
  await found.knot.change(records.map((record) => (record === moves(0) ? moves(1) : record)));
  const changedAt = performance.now();
  let lastOld = changedAt;
  while (performance.now() - changedAt < 1.5 * TTL_MS) {
    if ((await client.get({})).server === "a") lastOld = performance.now();
    await sleep(5);
  }
  expect(lastOld - changedAt).toBeLessThan(TTL_MS + 100);
  expect((await client.get({})).server).toBe("b");
});
