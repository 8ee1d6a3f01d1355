import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createBalancedTransport } from "../../src/node.ts";
import { a, message, SOA, srv } from "../dns/records.ts";
import { type DnsPeer, type PeerQuery, startDnsPeer } from "../support/dns-peer.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { type EchoServer, startEchoServer } from "../support/servers.ts";
import { corednsOf } from "./servers/coredns.ts";
import { type RealServer, startServer } from "./servers/process.ts";

// AWS Cloud Map after its documentation: Route 53 answers with eight healthy instances at most, whichever, all of them
// with priority 1 and weight 1; with eight of all where none is healthy. In a VPC, a cache stands between.

const SERVICE = "users.internal.test";
const MOST = 8;

let instances: EchoServer[];
/** Indexes of the instances that are registered, and of those that pass their health check. */
let registered: Set<number>;
let healthy: Set<number>;
let route53: DnsPeer;
let cache: RealServer<unknown>;

beforeAll(async () => {
  instances = await Promise.all(
    Array.from({ length: 12 }, (_, i) => startEchoServer({ name: `${i}`, httpVersion: "2" })),
  );
  route53 = await startDnsPeer((query) => [answer(query)]);
  const plugins = `cache {\n  success 100 10 1\n  denial 100 10 1\n }\n forward . ${route53.address}`;
  registered = healthy = new Set([0]);
  cache = await startServer(corednsOf, { ".": plugins }, hostOf(0));
});
afterAll(async () => {
  for (const instance of instances ?? []) instance.kill();
  await cache?.stop();
  await route53?.[Symbol.asyncDispose]();
});

const hostOf = (index: number) => `i-${index}.${SERVICE}`;

function answer(query: PeerQuery): Buffer {
  const host = query.asks.replace(/^A /, "");
  if (host !== query.asks) return message(query, { answers: [a(host, "127.0.0.1", 1)] });
  const shown = healthy.size > 0 ? healthy : registered;
  const sample = [...shown]
    .map((index) => ({ index, at: Math.random() }))
    .sort((left, right) => left.at - right.at)
    .slice(0, MOST)
    .map(({ index }) => index);
  if (sample.length === 0) return message(query, { flags: "8503", authorities: [SOA] });
  return message(query, {
    answers: sample.map((i) => srv(hostOf(i), { priority: 1, weight: 1, ttl: 1, port: portOf(i) })),
    additionals: sample.map((i) => a(hostOf(i), "127.0.0.1", 1)),
  });
}

const portOf = (index: number) => (instances[index] as EchoServer).port;

/** @param maxTtlMs asks more often than the TTL of 1 s wants. */
function clientOf(server: string, maxTtlMs = 100) {
  const transport = createBalancedTransport({
    target: `srv://${server}/${SERVICE}?sample=${MOST}`,
    tls: false,
    dns: { minTtlMs: 100, maxTtlMs },
  });
  const client = createClient(EchoService, transport);
  const answers: number[] = [];
  const callUntil = async (isOver: () => boolean) => {
    for (const deadline = Date.now() + 15_000; !isOver(); ) {
      answers.push(Number((await client.get({})).server));
      if (Date.now() > deadline) throw new Error(`the last calls were answered by ${answers.slice(-50)}`);
      await sleep(1);
    }
  };
  const listed = () => transport.snapshot().endpoints.map(({ address }) => Number(address.split(":")[1]));
  return { transport, client, answers, callUntil, listed };
}

/** Deregisters it, and ends it. */
function remove(index: number): void {
  registered.delete(index);
  healthy.delete(index);
  (instances[index] as EchoServer).drain();
}

beforeEach(() => {
  registered = new Set(instances.keys());
  healthy = new Set(instances.keys());
});

test.concurrent.each(["Route 53", "a cache"])(
  "samples of %s add up: all twelve are listed, and get calls",
  async (kind) => {
    const { answers, callUntil, listed } =
      kind === "Route 53" ? clientOf(route53.address) : clientOf(cache.address, 60_000);
    await callUntil(() => listed().length === instances.length);
    await callUntil(() => new Set(answers).size === instances.length);
  },
);

test("an instance that has gone is unlisted some samples later, and no call fails", async () => {
  const { callUntil, listed } = clientOf(route53.address);
  await callUntil(() => listed().includes(portOf(0)));
  remove(0);
  await callUntil(() => !listed().includes(portOf(0)));
});

test("fewer than eight are all there is: one that has gone is unlisted at once", async () => {
  registered = new Set([1, 2, 3]);
  healthy = new Set([1, 2, 3]);
  const { answers, callUntil, client, transport, listed } = clientOf(route53.address, 60_000);
  await callUntil(() => new Set(answers).size === 3);
  remove(3);
  await transport.refresh();
  await client.get({});
  expect(listed().sort()).toEqual([portOf(1), portOf(2)].sort());
});

test("none healthy: all are listed, and calls go to those that answer", async () => {
  registered = new Set([4, 5, 6]);
  healthy = new Set([6]);
  const { answers, callUntil, listed } = clientOf(route53.address);
  await callUntil(() => listed().length === 1);
  for (const index of [4, 5]) (instances[index] as EchoServer).kill();
  healthy = new Set();
  await callUntil(() => listed().length === 3 && answers.slice(-100).every((index) => index === 6));
});
