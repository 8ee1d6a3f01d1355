import { createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type BalancedTransportEvent,
  type BalancedTransportOptions,
  createBalancedTransport,
  type Resolver,
} from "../../src/node.ts";
import { a, aaaa, message, name, record, SOA, srv } from "../dns/records.ts";
import { createTestAuthority, type TestAuthority } from "../support/certificates.ts";
import { type Answering, type PeerQuery, startDnsPeer } from "../support/dns-peer.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { type EchoServer, startEchoServer } from "../support/servers.ts";

// A server that is reached by one of its two families is reached, by the first call, whatever names it and whatever DNS
// says of the other.

const LOOPBACK6 = "00000000000000000000000000000001";

type Family = "v4" | "v6";
type Wire = Pick<BalancedTransportOptions, "protocol" | "httpVersion"> & { readonly encrypted: boolean };
const WIRES: readonly Wire[] = (["2", "1.1"] as const).flatMap((httpVersion) =>
  (["connect", "grpc", "grpc-web"] as const)
    .filter((protocol) => httpVersion === "2" || protocol !== "grpc")
    .flatMap((protocol) => [false, true].map((encrypted) => ({ protocol, httpVersion, encrypted }))),
);

let authority: TestAuthority;
const servers = new Map<string, EchoServer>();
const keyOf = (family: Family, httpVersion: string, encrypted: boolean) => `${family} ${httpVersion} ${encrypted}`;

beforeAll(async () => {
  authority = await createTestAuthority();
  const tls = await authority.server({ dns: ["localhost", "users.test", "users.service.consul"] });
  for (const family of ["v4", "v6"] as const) {
    for (const httpVersion of ["2", "1.1"] as const) {
      for (const encrypted of [false, true]) {
        const address = family === "v4" ? "127.0.0.1" : "::1";
        const server = await startEchoServer({ httpVersion, address, ...(encrypted && { tls }), name: family });
        servers.set(keyOf(family, httpVersion, encrypted), server);
      }
    }
  }
});
afterAll(() => {
  for (const server of servers.values()) server.kill();
});

const has = (query: PeerQuery, answers: readonly string[]) => [message(query, { answers })];
const hasNot = (query: PeerQuery) => [message(query, { authorities: [SOA] })];
const unknown = (query: PeerQuery) => [message(query, { flags: "8583", authorities: [SOA] })];
const broken = (query: PeerQuery) => [message(query, { flags: "8582" })];

/** What a DNS server says of `one.test`, by family. */
const STATES: readonly { title: string; A: Answering; AAAA: Answering }[] = [
  {
    title: "both are there",
    A: (query) => has(query, [a("one.test", "127.0.0.1")]),
    AAAA: (query) => has(query, [aaaa("one.test", LOOPBACK6)]),
  },
];
const ONE_SIDED = { NODATA: hasNot, NXDOMAIN: unknown, SERVFAIL: broken, silence: () => [] } as const;

interface Case extends Wire {
  readonly family: Family;
}

async function call(
  { family, protocol = "connect", httpVersion = "2", encrypted }: Case,
  target: (port: number) => string | Resolver,
  options: Partial<BalancedTransportOptions> = {},
) {
  const server = servers.get(keyOf(family, httpVersion, encrypted)) as EchoServer;
  const events: BalancedTransportEvent["type"][] = [];
  const transport = createBalancedTransport({
    target: target(server.port),
    protocol,
    httpVersion,
    tls: encrypted ? { ca: authority.ca } : false,
    retry: false,
    onEvent: (event) => void events.push(event.type),
    ...options,
  });
  try {
    const startedAt = performance.now();
    const { server: answered } = await createClient(EchoService, transport).get(
      { text: "hello" },
      { timeoutMs: 4_000 },
    );
    return {
      answered,
      tookMs: performance.now() - startedAt,
      events,
      endpoints: transport.snapshot().endpoints.length,
    };
  } finally {
    transport.close();
  }
}

const everyWire = (["v4", "v6"] as const).flatMap((family) => WIRES.map((wire) => ({ family, ...wire })));

describe.each(everyWire)(
  "a server on $family alone, $protocol over HTTP/$httpVersion, TLS $encrypted, is reached",
  (wire) => {
    test("as localhost", async () => {
      const result = await call(wire, (port) => `dns:///localhost:${port}`);
      expect(result).toMatchObject({ answered: wire.family, endpoints: 1 });
      expect(result.events).not.toContain("ejected");
    });
  },
);

const one: Case = { family: "v6", encrypted: false };

describe.each([{ family: "v4" as const }, { family: "v6" as const }])("a server on $family alone", ({ family }) => {
  const wire: Case = { ...one, family };

  test.each(STATES)("is reached where $title", async ({ A, AAAA }) => {
    await using dns = await startDnsPeer((query) => (query.asks.startsWith("A ") ? A : AAAA)(query));
    const result = await call(wire, (port) => `dns://${dns.address}/one.test:${port}`);
    expect(result).toMatchObject({ answered: family, endpoints: 1 });
  });

  test.each(Object.keys(ONE_SIDED) as (keyof typeof ONE_SIDED)[])(
    "is reached where DNS says of the other family: %s",
    async (said) => {
      const own = family === "v4" ? "A" : "AAAA";
      const answer = family === "v4" ? a("one.test", "127.0.0.1") : aaaa("one.test", LOOPBACK6);
      await using dns = await startDnsPeer((query) =>
        query.asks.startsWith(`${own} `) ? has(query, [answer]) : ONE_SIDED[said](query),
      );
      const result = await call(wire, (port) => `dns://${dns.address}/one.test:${port}`);
      expect(result).toMatchObject({ answered: family, endpoints: 1 });
      expect(result.tookMs).toBeLessThan(said === "silence" ? 1_000 : 300);
    },
  );

  test("is reached as an entry of a list", async () => {
    const result = await call(wire, (port) => `static:///localhost:${port}`);
    expect(result).toMatchObject({ answered: family, endpoints: 1 });
  });

  // Whether one family is enough depends on the machine: test/schemes/additional.test.ts.
  test.each([family, "both", "neither"] as const)(
    "is reached as an SRV target whose addresses in the additional section are: %s",
    async (given) => {
      await using dns = await startDnsPeer((query) => {
        if (query.asks.startsWith("A ")) return has(query, [a("one.test", "127.0.0.1")]);
        if (query.asks.startsWith("AAAA ")) return has(query, [aaaa("one.test", LOOPBACK6)]);
        const additionals = [
          ...(given === "v4" || given === "both" ? [a("one.test", "127.0.0.1")] : []),
          ...(given === "v6" || given === "both" ? [aaaa("one.test", LOOPBACK6)] : []),
        ];
        return [message(query, { answers: [srv("one.test", { port })], additionals })];
      });
      let port = 0;
      const result = await call(wire, (server) => {
        port = server;
        return `srv://${dns.address}/_grpc._tcp.users.test`;
      });
      expect(result).toMatchObject({ answered: family, endpoints: 1 });
    },
  );

  test("is reached as an SRV target that is an address", async () => {
    const address = family === "v4" ? "127.0.0.1" : "::1";
    const label = Buffer.concat([Buffer.of(address.length), Buffer.from(address)]).toString("hex");
    let port = 0;
    await using dns = await startDnsPeer((query) => {
      if (!query.asks.startsWith("SRV ")) return unknown(query);
      const target = family === "v4" ? name(address) : `${label}00`;
      const data = `00000000${port.toString(16).padStart(4, "0")}${target}`;
      return has(query, [record("c00c", 33, 30, data)]);
    });
    const result = await call(wire, (server) => {
      port = server;
      return `srv://${dns.address}/_grpc._tcp.users.test`;
    });
    expect(result).toMatchObject({ answered: family, endpoints: 1 });
    expect(dns.queries).toHaveLength(1);
  });

  test("is reached where a resolver of the user's names both of its addresses", async () => {
    const result = await call(wire, (port) => ({
      target: "own",
      resolve: async () => ({
        kind: "endpoints",
        endpoints: [{ address: "127.0.0.1", alternateAddress: "::1", port, name: "localhost" }],
        ttlMs: 1_000,
      }),
    }));
    expect(result).toMatchObject({ answered: family, endpoints: 1 });
  });
});

test("a family that nobody listens to ejects nobody while the other connects: many calls, cold and warm", async () => {
  const { port } = servers.get(keyOf("v6", "1.1", false)) as EchoServer;
  const events: BalancedTransportEvent["type"][] = [];
  await using transport = createBalancedTransport({
    target: `dns:///localhost:${port}`,
    httpVersion: "1.1",
    tls: false,
    retry: false,
    onEvent: (event) => void events.push(event.type),
  });
  const client = createClient(EchoService, transport);
  for (let round = 0; round < 3; round++) {
    await Promise.all(Array.from({ length: 20 }, () => client.get({ text: "hello" }, { timeoutMs: 2_000 })));
  }
  expect(events).not.toContain("ejected");
});

test("a wanted family is the only one that is used", async () => {
  const failing = call({ ...one, family: "v6" }, (port) => `dns:///localhost:${port}`, { dns: { family: "ipv4" } });
  await expect(failing).rejects.toThrow();
  expect(
    await call({ ...one, family: "v6" }, (port) => `dns:///localhost:${port}`, { dns: { family: "ipv6" } }),
  ).toMatchObject({
    answered: "v6",
  });
});
