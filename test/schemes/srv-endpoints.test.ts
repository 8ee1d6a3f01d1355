import { describe, expect, test } from "vitest";
import type { DnsOptions } from "../../src/config/options.ts";
import type { Resolution } from "../../src/discovery/resolver.ts";
import { nodePlatform } from "../../src/node/node-platform.ts";
import { systemRuntime } from "../../src/runtime.ts";
import { parseTarget, resolverOf } from "../../src/schemes/parse-target.ts";
import { a, message, name, record, SOA, srv } from "../dns/records.ts";
import { MESSAGES } from "../support/dns-messages.ts";
import { type Answering, startDnsPeer } from "../support/dns-peer.ts";

// From the target as a user writes it to the questions that are asked, and from their answers to the endpoints.

async function resolve(
  target: (peer: string) => string,
  answering: Answering,
  { servers, ...dns }: Omit<DnsOptions, "servers"> & { servers?: (peer: string) => string[] } = {},
) {
  await using peer = await startDnsPeer(answering);
  const options = { ...dns, ...(servers === undefined ? {} : { servers: servers(peer.address) }) };
  const resolver = resolverOf(parseTarget(target(peer.address)), options, nodePlatform);
  const { clock, random, sleep } = systemRuntime;
  const limits = { signal: new AbortController().signal, deadline: clock.now() + 1_000 };
  const resolution = await resolver.resolve({ ...limits, clock, random, sleep, reason: "first" });
  // IPv6 is asked for beside IPv4, whatever the answer; what comes of that is in test/e2e/address-families.test.ts.
  const queries = peer.queries.filter(({ asks }) => dns.family === "ipv6" || !asks.startsWith("AAAA "));
  return { resolution, authority: resolver.authority, asked: queries.map(({ asks, over }) => `${over} ${asks}`) };
}

describe("consul", () => {
  test("asks over TCP, reads addresses out of targets and follows nodes", async () => {
    const { resolution, authority, asked } = await resolve(
      (peer) => `consul://${peer}/users`,
      (query) => [
        Buffer.concat([
          query.bytes.subarray(0, 2),
          MESSAGES.consul.subarray(2, 12),
          query.question,
          MESSAGES.consul.subarray(12 + query.question.length),
        ]),
      ],
    );
    expect(asked).toEqual(["tcp SRV users.service.consul"]);
    expect(authority).toBe("users.service.consul");
    expect(resolution).toMatchObject({
      kind: "endpoints",
      ttlMs: 0,
      endpoints: [
        { address: "127.0.0.1", port: 9001 },
        { address: "127.0.0.7", port: 9003 },
      ],
    });
  });

  test("asks for a node's address where the answer has none", async () => {
    const { resolution, asked } = await resolve(
      (peer) => `consul://${peer}/users`,
      (query) => [
        query.asks.startsWith("SRV")
          ? message(query, { answers: [srv("n1.node.dc1.consul", { ttl: 0, weight: 2 })] })
          : message(
              query,
              query.asks.startsWith("A ")
                ? { answers: [a("n1.node.dc1.consul", "10.1.1.1", 0)] }
                : { authorities: [SOA] },
            ),
      ],
    );
    expect(asked).toContain("tcp A n1.node.dc1.consul");
    expect(resolution).toMatchObject({ endpoints: [{ address: "10.1.1.1", port: 80, weight: 2 }] });
  });

  test.each([
    ["users?tag=canary", "canary.users.service.consul"],
    ["users?dc=eu-1", "users.service.eu-1.dc.consul"],
    ["users?tag=v1.2&dc=eu-1", "v1.2.users.service.eu-1.dc.consul"],
    ["_users._canary", "_users._canary.service.consul"],
    ["_users._tcp?dc=eu-1", "_users._tcp.service.eu-1.dc.consul"],
    ["Users", "users.service.consul"],
  ])("consul://…/%s asks for %s", async (written, asks) => {
    const { asked, resolution } = await resolve(
      (peer) => `consul://${peer}/${written}`,
      (query) => [message(query, { flags: "8503", authorities: [SOA] })],
    );
    expect(asked).toEqual([`tcp SRV ${asks}`]);
    expect(resolution).toMatchObject({ kind: "empty", reason: expect.stringContaining("no instance is healthy") });
  });
});

describe("dns", () => {
  test("IPv4 where there is any, each address once; IPv6 as another way to it", async () => {
    const { resolution, authority } = await resolve(
      (peer) => `dns://${peer}/users.test:8443`,
      (query) => [
        query.asks.startsWith("A ")
          ? message(query, {
              answers: [a("users.test", "10.0.0.1", 9), a("users.test", "10.0.0.2", 7), a("users.test", "10.0.0.1", 8)],
            })
          : message(query, { answers: [record(name("users.test"), 28, 30, "fd000000000000000000000000000001")] }),
      ],
    );
    expect(authority).toBe("users.test");
    expect(resolution).toEqual({
      kind: "endpoints",
      ttlMs: 7_000,
      endpoints: [
        { address: "10.0.0.1", alternateAddress: "fd00::1", port: 8443, name: "users.test" },
        { address: "10.0.0.2", alternateAddress: "fd00::1", port: 8443, name: "users.test" },
      ],
    });
  });

  test("IPv6 where there is nothing else", async () => {
    const { resolution } = await resolve(
      (peer) => `dns://${peer}/users.test:80`,
      (query) => [
        message(
          query,
          query.asks.startsWith("A ")
            ? { authorities: [SOA] }
            : { answers: [record(name("users.test"), 28, 30, "fd000000000000000000000000000001")] },
        ),
      ],
    );
    expect(resolution).toMatchObject({ endpoints: [{ address: "fd00::1" }] });
  });

  test("an address asks nobody", async () => {
    const { resolution, asked } = await resolve(
      (peer) => `dns://${peer}/[fd00::0:1]:80`,
      () => [],
    );
    expect(asked).toEqual([]);
    expect(resolution).toMatchObject({
      endpoints: [{ address: "fd00::1", port: 80 }],
      ttlMs: Number.POSITIVE_INFINITY,
    });
  });
});

describe("a name in other letters than those of ASCII", () => {
  test.each([
    ["srv", "_grpc._tcp.bücher.test", "udp SRV _grpc._tcp.xn--bcher-kva.test", "xn--bcher-kva.test"],
    ["srv", "_grpc._tcp.B%C3%9CCHER.test.", "udp SRV _grpc._tcp.xn--bcher-kva.test", "xn--bcher-kva.test"],
    ["dns", "bücher.test:443", "udp A xn--bcher-kva.test", "xn--bcher-kva.test"],
  ])("%s://…/%s: %s is asked, and %s verified", async (scheme, written, question, verified) => {
    const { authority, asked, resolution } = await resolve(
      (peer) => `${scheme}://${peer}/${written}`,
      (query) => [
        query.asks.startsWith("SRV")
          ? message(query, { answers: [srv("h1.test")], additionals: [a("h1.test", "10.0.0.1")] })
          : message(query, { answers: [a("xn--bcher-kva.test", "10.0.0.1")] }),
      ],
    );
    expect(asked).toEqual([question]);
    expect(authority).toBe(verified);
    expect(resolution).toMatchObject({ endpoints: [{ address: "10.0.0.1" }] });
  });

  test("in a list is asked for and verified in its xn-- form", async () => {
    const { asked, resolution } = await resolve(
      () => "static:///bücher.test:80",
      (query) => [message(query, { answers: [a("xn--bcher-kva.test", "10.0.0.1")] })],
      { servers: (peer) => [peer] },
    );
    expect(asked).toEqual(["udp A xn--bcher-kva.test"]);
    expect(resolution).toMatchObject({ endpoints: [{ address: "10.0.0.1", name: "xn--bcher-kva.test" }] });
  });
});

describe("records that are not followed", () => {
  const reason = (host: string) => `the server name ${JSON.stringify(host)} is not a host name`;

  test("nobody is asked for the address of a target that is not a host name", async () => {
    const { resolution, asked } = await resolve(
      (peer) => `srv://${peer}/_grpc._tcp.users.test`,
      (query) => [
        query.asks.startsWith("SRV")
          ? message(query, { answers: [srv("evil.test/.users.test"), srv("h1.test"), srv("10.0.0.256")] })
          : message(query, { answers: [a("h1.test", "10.0.0.1")] }),
      ],
    );
    expect(asked).toEqual(["udp SRV _grpc._tcp.users.test", "udp A h1.test"]);
    expect(resolution).toMatchObject({
      endpoints: [{ address: "10.0.0.1", name: "h1.test" }],
      dropped: [reason("evil.test/.users.test"), reason("10.0.0.256")],
    });
  });

  test("a dropped record is no reason to believe that there are no servers", async () => {
    const answering: Answering = (query) => [
      query.asks.startsWith("SRV")
        ? message(query, { answers: [srv("a/b.test"), srv("h1.test")] })
        : message(query, { flags: "8503", authorities: [SOA] }),
    ];
    await expect(resolve((peer) => `srv://${peer}/users.test`, answering)).rejects.toThrow(
      `no record of the answer can be used: ${reason("a/b.test")}`,
    );
  });

  test('a dropped record beside "." is no reason to obey it', async () => {
    const answering: Answering = (query) => [message(query, { answers: [srv("."), srv("a/b.test")] })];
    await expect(resolve((peer) => `srv://${peer}/users.test`, answering)).rejects.toThrow(reason("a/b.test"));
  });

  test('nor is one with bytes of no host name beside "."', async () => {
    const answering: Answering = (query) => [message(query, { answers: [srv("."), srv("a b.test")] })];
    await expect(resolve((peer) => `srv://${peer}/users.test`, answering)).rejects.toThrow(
      "no record of the answer can be used: a server name contains bytes that a host name must not contain",
    );
  });

  test("a target with bytes of no host name is counted", async () => {
    const { resolution } = await resolve(
      (peer) => `srv://${peer}/users.test`,
      (query) => [
        message(query, {
          answers: [srv("\xff\xfe.test"), srv("h1.test"), srv("a b.test")],
          additionals: [a("h1.test", "10.0.0.1")],
        }),
      ],
    );
    expect(resolution).toMatchObject({
      endpoints: [{ address: "10.0.0.1" }],
      dropped: Array(2).fill("a server name contains bytes that a host name must not contain"),
    });
  });
});

describe("static", () => {
  test("addresses ask nobody, names are looked up", async () => {
    const { resolution, authority, asked } = await resolve(
      () => "static:///10.0.0.1:80,[fd00::1]:81,users.test:82",
      (query) => [
        message(
          query,
          query.asks === "A users.test" ? { answers: [a("users.test", "10.0.0.9")] } : { authorities: [SOA] },
        ),
      ],
      { servers: (peer) => [peer] },
    );
    expect(authority).toBeUndefined();
    expect(new Set(asked)).toEqual(new Set(["udp A users.test"]));
    expect(resolution).toMatchObject({
      ttlMs: 30_000,
      endpoints: [
        { address: "10.0.0.1", port: 80 },
        { address: "fd00::1", port: 81 },
        { address: "10.0.0.9", port: 82, name: "users.test" },
      ],
    });
  });

  test("a name without addresses leaves the others", async () => {
    const { resolution } = await resolve(
      () => "static:///gone.test:80,10.0.0.1:80",
      (query) => [message(query, { flags: "8503", authorities: [SOA] })],
      { servers: (peer) => [peer] },
    );
    expect(resolution).toMatchObject({ endpoints: [{ address: "10.0.0.1" }] });
  });
});

describe("samples", () => {
  const eight = Array.from({ length: 8 }, (_, i) => `127.0.0.${i + 1}`);

  test.each([
    ["srv", "_grpc._tcp.users.test", 8, true],
    ["srv", "_grpc._tcp.users.test", 7, false],
    ["dns", "users.test:80", 8, true],
    ["dns", "users.test:80", 7, false],
  ])("%s://…/%s?sample=8 takes %i records for a sample: %s", async (scheme, written, records, partial) => {
    const { resolution } = await resolve(
      (peer) => `${scheme}://${peer}/${written}?sample=8`,
      (query) => {
        const addresses = eight.slice(0, records);
        if (query.asks.startsWith("A ")) {
          return [message(query, { answers: addresses.map((address) => a("users.test", address)) })];
        }
        return [
          message(query, {
            answers: addresses.map((_, i) => srv(`i${i}.test`)),
            additionals: addresses.map((address, i) => a(`i${i}.test`, address)),
          }),
        ];
      },
    );
    const { endpoints, partial: isPartial = false } = resolution as Resolution & { kind: "endpoints" };
    expect(endpoints).toHaveLength(records);
    expect(isPartial).toBe(partial);
  });

  test.each(["udp", "tcp"] as const)("Consul over %s", async (transport) => {
    const { resolution } = await resolve(
      (peer) => `consul://${peer}/users`,
      (query) => [message(query, { answers: [srv("7f000001.addr.dc1.consul")] })],
      { transport },
    );
    expect(resolution).toMatchObject({ endpoints: [{ address: "127.0.0.1" }] });
    expect((resolution as Resolution & { kind: "endpoints" }).partial ?? false).toBe(transport === "udp");
  });
});
