import { createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type BalancedTransportEvent,
  type BalancedTransportOptions,
  createBalancedTransport,
  type Resolver,
} from "../../src/node.ts";
import { a, cname, message, srv } from "../dns/records.ts";
import { createTestAuthority, type TestAuthority } from "../support/certificates.ts";
import { type Answering, type DnsPeer, startDnsPeer } from "../support/dns-peer.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { type HttpScript, startHttpScript } from "../support/http-script.ts";
import { NOT_HOST_NAMES, NUMBERS } from "../support/not-host-names.ts";
import { type EchoServer, startEchoServer } from "../support/servers.ts";

// Names that are not host names, from every source that gives one: the connection is never made, and what stands beside
// them serves.

const ALL = Object.values({ ...NOT_HOST_NAMES, ...NUMBERS });
const GOOD = "good.users.test";

/** Those that a DNS message can hold: bytes of a label, without dots of their own, within the limits of the format. */
const ON_THE_WIRE = ALL.filter((name) => !/^\.|\.\.|^.{254}|[^.]{64}/s.test(name)).map((name) =>
  Buffer.from(name, "utf8").toString("latin1"),
);

let authority: TestAuthority;
let dns: DnsPeer;
let consul: HttpScript;
let answering: Answering;
let instances: readonly object[] = [];
const traps = new Map<string, EchoServer>();
const servers = new Map<string, EchoServer>();

beforeAll(async () => {
  authority = await createTestAuthority();
  const own = await authority.server({ dns: [GOOD, "users.test", "users.service.consul"] });
  const evil = await authority.server({ dns: ["evil.test", "*.users.test"], ip: ["127.0.0.1"] });
  for (const httpVersion of ["2", "1.1"] as const) {
    traps.set(httpVersion, await startEchoServer({ name: "trap", httpVersion, tls: evil }));
    servers.set(httpVersion, await startEchoServer({ name: "good", httpVersion, tls: own }));
  }
  dns = await startDnsPeer((query) => answering(query));
  consul = await startHttpScript((_, response) => response.end(JSON.stringify(instances)));
});

afterAll(async () => {
  for (const server of [...traps.values(), ...servers.values()]) server.kill();
  await dns[Symbol.asyncDispose]();
  await consul[Symbol.asyncDispose]();
});

interface Ports {
  readonly trap: number;
  readonly good: number;
}

const addressOfAny: Answering = (query) => [
  message(query, { answers: [a(query.asks.replace(/^\S+ /, ""), "127.0.0.1")] }),
];

/** Each target in SRV records, with its address beside it. */
const listing = (names: readonly string[], { trap, good }: Ports): Answering => {
  const answers = [...names.map((name) => srv(name, { port: trap })), srv(GOOD, { port: good })];
  const additionals = [...names, GOOD].map((name) => a(name, "127.0.0.1"));
  return (query) => (query.asks.startsWith("SRV") ? [message(query, { answers, additionals })] : addressOfAny(query));
};

const resolver = (endpoints: { address: string; port: number; name?: string }[], own?: string): Resolver => ({
  target: "mine",
  ...(own !== undefined && { authority: own }),
  resolve: async () => ({ kind: "endpoints", endpoints, ttlMs: 30_000 }),
});

interface Source {
  readonly name: string;
  readonly names: readonly string[];
  readonly target: (ports: Ports) => string | Resolver;
  /** Where there is no record of the name's own: the others are found all the same. */
  readonly silent?: true;
}

const SOURCES: readonly Source[] = [
  {
    name: "SRV targets",
    names: ON_THE_WIRE,
    target(ports) {
      answering = listing(ON_THE_WIRE, ports);
      return `srv://${dns.address}/_grpc._tcp.users.test`;
    },
  },
  {
    name: "SRV targets of Consul's DNS",
    names: ON_THE_WIRE,
    target(ports) {
      answering = listing(ON_THE_WIRE, ports);
      return `consul://${dns.address}/users`;
    },
  },
  {
    name: "aliases of SRV targets",
    names: ON_THE_WIRE,
    silent: true,
    target({ trap, good }) {
      const aliased = ON_THE_WIRE.map((_, index) => `i${index}.users.test`);
      const answers = [...aliased.map((name) => srv(name, { port: trap })), srv(GOOD, { port: good })];
      answering = (query) => {
        if (query.asks.startsWith("SRV")) return [message(query, { answers })];
        const alias = ON_THE_WIRE[aliased.indexOf(query.asks.replace(/^\S+ /, ""))];
        if (alias === undefined) return addressOfAny(query);
        const owner = query.asks.replace(/^\S+ /, "");
        return [message(query, { answers: [cname(owner, alias), a(alias, "127.0.0.1")] })];
      };
      return `srv://${dns.address}/_grpc._tcp.users.test`;
    },
  },
  {
    name: "addresses of Consul's HTTP API",
    names: ALL,
    target({ trap, good }) {
      answering = addressOfAny;
      instances = [
        ...ALL.map((Address) => ({ Service: { Address, Port: trap } })),
        { Service: { Address: GOOD, Port: good } },
      ];
      return `consul+http://${consul.address}/users`;
    },
  },
  {
    name: "names of a user's resolver",
    names: ["", ...ALL],
    target: ({ trap, good }) =>
      resolver(
        [
          ...["", ...ALL].map((name) => ({ address: "127.0.0.1", port: trap, name })),
          { address: "127.0.0.1", port: good, name: GOOD },
        ],
        "users.test",
      ),
  },
  {
    name: "names of a user's resolver without authority",
    names: ALL,
    target: ({ trap, good }) =>
      resolver([
        ...ALL.map((name) => ({ address: "127.0.0.1", port: trap, name })),
        { address: "127.0.0.1", port: good, name: GOOD },
      ]),
  },
  {
    name: "addresses of a user's resolver",
    names: ["", "[::1]", ...ALL],
    target: ({ trap, good }) =>
      resolver([
        ...["", "[::1]", ...ALL].map((address) => ({ address, port: trap, name: "a.users.test" })),
        { address: "127.0.0.1", port: good, name: GOOD },
      ]),
  },
];

const MODES: readonly [string, BalancedTransportOptions["tls"] & object][] = [
  ["by the name that the user wrote", {}],
  ["by each server's own name", { serverName: "target", targetSuffixes: ["users.test"] }],
];

describe.each(["2", "1.1"] as const)("over HTTP/%s", (httpVersion) => {
  describe.each(MODES)("verified %s", (_, tls) => {
    it.each(SOURCES)("$name that are not host names are dropped, their neighbour serves", async (source) => {
      const [trap, good] = [traps, servers].map((map) => map.get(httpVersion)) as [EchoServer, EchoServer];
      const events: BalancedTransportEvent[] = [];
      const transport = createBalancedTransport({
        target: source.target({ trap: trap.port, good: good.port }),
        httpVersion,
        tls: { ca: authority.ca, ...tls },
        dns: { servers: [dns.address] },
        connectTimeoutMs: 10_000,
        onEvent: (event) => events.push(event),
      });
      const client = createClient(EchoService, transport);
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => client.get({}, { headers: { authorization: "Bearer secret" } })),
      );
      expect(new Set(answers.map(({ server }) => server))).toEqual(new Set(["good"]));
      expect(transport.snapshot().endpoints.map(({ address, name }) => ({ address, name }))).toEqual([
        { address: `127.0.0.1:${good.port}`, name: GOOD },
      ]);
      expect(trap.connections).toBe(0);
      const dropped = events.filter((event) => event.type === "records-dropped");
      expect(dropped.map((event) => event.dropped)).toEqual(source.silent ? [] : [source.names.length]);
      for (const { reason } of dropped) {
        expect(reason).toContain("; and ");
        expect(reason).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
      }
      transport.close();
    });
  });
});

describe("a single name that is not a host name makes the look-up fail, with a reason on one line", () => {
  it.each(Object.entries({ ...NOT_HOST_NAMES, ...NUMBERS }))("%s", async (_, name) => {
    const transport = createBalancedTransport({ target: resolver([{ address: "127.0.0.1", port: 1, name }]) });
    const error: Error = await transport.refresh().then(
      () => expect.unreachable(),
      (reason) => reason,
    );
    expect(error.message).toMatch(
      /^no record of the answer can be used: the server name "[\x20-\x7e\xa0-\u2020\u2100-\u{ffff}]*" is not a host name$/u,
    );
    expect(transport.snapshot().endpoints).toEqual([]);
  });
});
