import { describe, expect, test } from "vitest";
import type { ServerConfig } from "../../src/dns/query-servers.ts";
import { createStubResolver } from "../../src/dns/stub-resolver.ts";
import { nodeDnsSockets } from "../../src/node/dns/node-dns-sockets.ts";
import { systemRuntime } from "../../src/runtime.ts";
import { type Answering, type DnsPeer, startDnsPeer } from "../support/dns-peer.ts";
import { a, message, srv } from "./records.ts";

// What the options of resolv.conf do to the questions that are asked.

const good: Answering = (query) => [
  message(query, { answers: [srv("h1.test")], additionals: [a("h1.test", "127.0.0.1")] }),
];
const servfail: Answering = (query) => [message(query, { flags: "8182" })];

/** Asks a client of these servers as often as said. What it draws is always `random`. */
async function ask(peers: readonly DnsPeer[], config: Omit<ServerConfig, "servers">, random = 0.5, times = 1) {
  const servers = peers.map(({ port }) => ({ address: "127.0.0.1", port }));
  const client = createStubResolver({
    servers: async () => ({ servers, ...config }),
    sockets: nodeDnsSockets,
    runtime: { ...systemRuntime, random: () => random },
  });
  for (let i = 0; i < times; i++) {
    const deadline = systemRuntime.clock.now() + 8_000;
    await client.srv("users.test", { signal: new AbortController().signal, deadline }).catch(() => {});
  }
  return peers.map(({ queries }) => queries.map(({ over }) => over));
}

describe("rotate", () => {
  test.each([
    [false, 0.9, [1, 0, 0]],
    [true, 0, [1, 0, 0]],
    [true, 0.5, [0, 1, 0]],
    [true, 1 - Number.EPSILON, [0, 0, 1]],
  ])("%j: drawn %d, of three servers these are asked: %j", async (rotate, random, expected) => {
    await using one = await startDnsPeer(good);
    await using two = await startDnsPeer(good);
    await using three = await startDnsPeer(good);
    const asked = await ask([one, two, three], { rotate }, random);
    expect(asked.map(({ length }) => length)).toEqual(expected);
  });

  test("goes on with the others in their order where one fails", async () => {
    await using one = await startDnsPeer(good);
    await using two = await startDnsPeer(good);
    await using three = await startDnsPeer(servfail);
    const asked = await ask([one, two, three], { rotate: true }, 0.9);
    // The one that fails is asked without EDNS, too.
    expect(asked.map(({ length }) => length)).toEqual([1, 0, 2]);
  });
});

test.each([
  [true, ["tcp", "tcp"]],
  [false, ["udp", "udp"]],
])("use-vc %j: asks over %j", async (tcpOnly, expected) => {
  await using peer = await startDnsPeer(good);
  expect(await ask([peer], { tcpOnly }, 0.5, 2)).toEqual([expected]);
});

test.each([
  ["one server by default", {}, 1, 3],
  ["one server, attempts:1", { attempts: 1 }, 1, 3],
  ["one server, attempts:5", { attempts: 5 }, 1, 5],
  ["two servers by default", {}, 2, 4],
  ["two servers, attempts:3", { attempts: 3 }, 2, 6],
])("servers that fail: %s", async (_, config, count, questions) => {
  await using one = await startDnsPeer(servfail);
  await using two = await startDnsPeer(servfail);
  const asked = await ask([one, two].slice(0, count), config);
  // And each once without EDNS.
  expect(asked.flat()).toHaveLength(questions + count);
});

test("a server that does not understand EDNS is asked without it for ten minutes", async () => {
  const old: Answering = (query) => (query.edns ? [message(query, { flags: "8181" })] : good(query));
  await using peer = await startDnsPeer(old);
  let aheadMs = 0;
  const now = () => systemRuntime.clock.now() + aheadMs;
  const client = createStubResolver({
    servers: async () => ({ servers: [{ address: "127.0.0.1", port: peer.port }] }),
    sockets: nodeDnsSockets,
    runtime: { ...systemRuntime, clock: { now } },
  });
  for (aheadMs of [0, 1_000, 590_000, 610_000]) {
    const limits = { signal: new AbortController().signal, deadline: now() + 8_000 };
    expect(await client.srv("users.test", limits)).toMatchObject({ kind: "records" });
  }
  expect(peer.queries.map(({ edns }) => edns)).toEqual([true, false, false, false, true, false]);
});
