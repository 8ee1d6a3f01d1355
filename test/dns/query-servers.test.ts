import { expect, test } from "vitest";
import { createStubResolver } from "../../src/dns/stub-resolver.ts";
import { nodeDnsSockets } from "../../src/node/dns/node-dns-sockets.ts";
import { systemRuntime } from "../../src/runtime.ts";
import { type PeerQuery, type PeerStep, startDnsPeer } from "../support/dns-peer.ts";
import { a, message, srv } from "./records.ts";

// How persistently a server is asked.

async function ask(timeoutMs: number, answering: (query: PeerQuery, asked: number) => readonly PeerStep[]) {
  await using peer = await startDnsPeer((query) => answering(query, peer.queries.length));
  const { port } = peer;
  const servers = async () => ({ servers: [{ address: "127.0.0.1", port }], timeoutMs });
  const client = createStubResolver({ servers, sockets: nodeDnsSockets, runtime: systemRuntime });
  const deadline = systemRuntime.clock.now() + 2_000;
  const found = await client.srv("users.test", { signal: new AbortController().signal, deadline }).catch(String);
  return { found, asked: peer.queries.length };
}

test("a silent server is asked again until the deadline (dnsdist whose own servers restart)", async () => {
  const good = { answers: [srv("h1.test")], additionals: [a("h1.test", "127.0.0.1")] };
  const { found } = await ask(20, (query, asked) => (asked < 6 ? [] : [message(query, good)]));
  expect(found).toMatchObject({ kind: "records" });
});

test("one that answers SERVFAIL is asked three times, and once without EDNS (unbound whose own servers restart)", async () => {
  const { found, asked } = await ask(500, (query) => [message(query, { flags: "8182" })]);
  expect(found).toContain("answered SERVFAIL");
  expect(asked).toBe(4);
});
