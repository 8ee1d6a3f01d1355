import { createClient } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { type BalancedTransportEvent, createBalancedTransport } from "../../src/node.ts";
import { message, record, SOA, srv } from "../dns/records.ts";
import { startDnsPeer } from "../support/dns-peer.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { startEchoServer } from "../support/servers.ts";

// Answers of a size that nobody needs, from a DNS server that may be anybody's.

const TARGETS = 1_500;
const ADDRESSES = 40;

/** Every address of 127.0.0.0/8 is this machine. */
const addressOf = (target: number, index: number) => {
  const place = target * ADDRESSES + index;
  return record("c00c", 1, 30, Buffer.from([127, 1 + (place >> 16), (place >> 8) & 255, place & 255]).toString("hex"));
};

test("of 60,000 addresses a thousand are used, and an event says so", async () => {
  await using server = await startEchoServer({ httpVersion: "2", address: "0.0.0.0" });
  await using dns = await startDnsPeer((query) => {
    if (query.asks.startsWith("AAAA ")) return [message(query, { authorities: [SOA] })];
    if (query.asks.startsWith("SRV ")) {
      const answers = Array.from({ length: TARGETS }, (_, i) => srv(`t${i}.users.test`, { port: server.port }));
      return [message(query, { answers })];
    }
    const target = Number(/ t(\d+)/.exec(query.asks)?.[1]);
    return [message(query, { answers: Array.from({ length: ADDRESSES }, (_, i) => addressOf(target, i)) })];
  });
  const dropped: Extract<BalancedTransportEvent, { type: "records-dropped" }>[] = [];
  await using transport = createBalancedTransport({
    target: `srv://${dns.address}/_grpc._tcp.users.test`,
    tls: false,
    dns: { transport: "tcp" },
    onEvent: (event) => void (event.type === "records-dropped" && dropped.push(event)),
  });
  const client = createClient(EchoService, transport);
  expect((await client.get({ text: "hello" })).text).toBe("hello");
  const { endpoints } = transport.snapshot();
  // 16 addresses of a target, until there are enough: the others are not even asked for.
  expect(new Set(endpoints.map(({ address }) => address)).size).toBe(1_000);
  expect(dns.queries.length).toBeLessThan(200);
  expect(dropped).toMatchObject([{ reason: expect.stringContaining("a random part") }]);
  expect(dropped[0]?.dropped).toBeGreaterThan(TARGETS - 1_000);
});
