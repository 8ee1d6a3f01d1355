import { describe, expect, it, test } from "vitest";
import { CachedResolver } from "../../src/discovery/cached-resolver.ts";
import { checkedResolver } from "../../src/discovery/check-resolution.ts";
import type { Resolution, ResolveContext, Resolver } from "../../src/discovery/resolver.ts";
import type { TlsOptions } from "../../src/net/tls-options.ts";
import { nodePlatform } from "../../src/node/node-platform.ts";
import type { BalancedTransportEvent } from "../../src/telemetry/events.ts";
import { balancedTransport } from "../../src/transport/create.ts";
import { FakeRuntime } from "../support/fake-runtime.ts";
import { noListener } from "../support/no-listener.ts";

const NOW = {} as ResolveContext;

function answer(endpoints: unknown, more: object = {}): Resolution {
  return { kind: "endpoints", endpoints, ttlMs: 30_000, ...more } as Resolution;
}

function resolve(resolution: unknown, tls: TlsOptions | false = false, authority?: string): Promise<Resolution> {
  const resolver = { target: "mine", ...(authority && { authority }), resolve: async () => resolution as Resolution };
  return checkedResolver(resolver, "target", tls).resolve(NOW);
}

const byTarget = (...targetSuffixes: string[]): TlsOptions => ({ serverName: "target", targetSuffixes });

describe("an answer of a resolver", () => {
  it.each<[string, unknown, RegExp]>([
    ["nothing", undefined, /^the resolver returned kind nothing; it must be/],
    ["null", null, /^the resolver returned kind nothing/],
    ["another kind", { kind: "list" }, /^the resolver returned kind "list"/],
    ["no list", answer({}), /^the resolver returned an empty list of endpoints/],
    ["an empty list", answer([]), /^the resolver returned an empty list of endpoints/],
    ["a hole", answer([undefined, { address: "10.0.0.1", port: 1 }]), /^endpoints\[0\] must be an object, not missing/],
    ["partial: 1", answer([{ address: "10.0.0.1", port: 1 }], { partial: 1 }), /^partial must be true or false, not 1/],
    ["dropped: 1", answer([{ address: "10.0.0.1", port: 1 }], { dropped: 1 }), /^dropped must be a list of reasons/],
    [
      "dropped: [1]",
      answer([{ address: "10.0.0.1", port: 1 }], { dropped: [1] }),
      /^dropped must be a list of reasons/,
    ],
    [
      "cleartextTokens: [1]",
      answer([{ address: "10.0.0.1", port: 1 }], { cleartextTokens: [1] }),
      /^cleartextTokens must be a list of servers/,
    ],
    [
      "cleartextTokens: 1, without endpoints",
      { kind: "empty", ttlMs: 1, reason: "", cleartextTokens: 1 },
      /^cleartextTokens must be a list of servers/,
    ],
    ["an address that is a number", answer([{ address: 1, port: 1 }]), /^endpoints\[0\]\.address must be/],
    ["port 0", answer([{ address: "10.0.0.1", port: 0 }]), /^endpoints\[0\]\.port must be a whole number.*not 0/],
    ["port NaN", answer([{ address: "10.0.0.1", port: NaN }]), /^endpoints\[0\]\.port must be.*not NaN/],
    ["a port that is text", answer([{ address: "10.0.0.1", port: "1\u0085" }]), /^endpoints\[0\]\.port.*"1\\u0085"/],
    ["weight NaN", answer([{ address: "10.0.0.1", port: 1, weight: NaN }]), /^endpoints\[0\]\.weight must be/],
    ["tier 0.5", answer([{ address: "10.0.0.1", port: 1, tier: 0.5 }]), /^endpoints\[0\]\.tier must be/],
    ["a name that is a number", answer([{ address: "10.0.0.1", port: 1, name: 1 }]), /^endpoints\[0\]\.name must be/],
  ])("%s is an error for the whole of it", async (_, resolution, message) => {
    await expect(resolve(resolution)).rejects.toThrow(TypeError);
    await expect(resolve(resolution)).rejects.toThrow(message);
  });

  const SERVER = [{ address: "10.0.0.1", port: 1 }];
  const KINDS = [
    { kind: "endpoints", endpoints: SERVER },
    { kind: "empty", reason: "none" },
    { kind: "unavailable", reason: "none" },
  ];

  describe.each(KINDS)("of kind $kind", (resolution) => {
    it.each<[string, unknown, string]>([
      ["NaN", NaN, "NaN"],
      ["a negative number", -1, "-1"],
      ["minus infinity", -Infinity, "-Infinity"],
      ["text", "30000", '"30000"'],
      ["a Date, the moment it expires at", new Date(0), '"1970-01-01T00:00:00.000Z"'],
      ["null", null, "null"],
      ["a BigInt, which JSON cannot write", 1n, "bigint"],
      ["a function", () => 1, "function"],
      ["an object that throws when it is shown", { toJSON: () => decodeURI("%") }, "object"],
      ["much", "x".repeat(1_000), `"${"x".repeat(77)}..."`],
    ])("has no TTL that is %s", async (_, ttlMs, shown) => {
      const message = `ttlMs must be a number of milliseconds from 0, not ${shown}; leave it out for dns.minTtlMs`;
      await expect(resolve({ ...resolution, ttlMs })).rejects.toThrow(new TypeError(message));
    });

    it.each([0, 0.5, 30_000, Infinity])("may have a TTL of %d ms", async (ttlMs) => {
      expect(await resolve({ ...resolution, ttlMs })).toMatchObject({ ttlMs });
    });

    it("may have none", async () => {
      expect(await resolve({ ...resolution, ttlMs: undefined })).not.toHaveProperty("ttlMs");
      expect(await resolve(resolution)).not.toHaveProperty("ttlMs");
    });
  });

  it.each(["empty", "unavailable"])("of kind %s needs a reason in words", async (kind) => {
    const message = "reason must be a string that explains why there are no endpoints, not ";
    await expect(resolve({ kind })).rejects.toThrow(new TypeError(`${message}missing`));
    await expect(resolve({ kind, reason: new Error("x") })).rejects.toThrow(new TypeError(`${message}{}`));
    expect(await resolve({ kind, reason: "none", more: 1 })).toEqual({ kind, reason: "none" });
  });

  it("without a TTL is looked up once for many calls", async () => {
    let lookUps = 0;
    const resolver = {
      target: "mine",
      async resolve() {
        lookUps++;
        return { kind: "endpoints", endpoints: SERVER } as const;
      },
    };
    const runtime = new FakeRuntime();
    const limits = { minTtlMs: 5_000, maxTtlMs: 300_000, maxStaleMs: 3_600_000 };
    const directory = new CachedResolver(checkedResolver(resolver, "target", false), limits, runtime, noListener);
    const answer = await directory.get({ signal: undefined, deadline: Infinity });
    expect(answer.ttlMs).toBe(5_000);
    for (let i = 0; i < 100; i++) directory.peek(runtime.time);
    expect(lookUps).toBe(1);
  });

  it("names its servers in one spelling", async () => {
    const endpoints = [
      { address: "FD00::0:1", port: 1, name: "A.Users.TEST." },
      { address: "LocalHost.", port: 2, weight: 3, tier: 1, metadata: { zone: "a" } },
    ];
    expect(await resolve(answer(endpoints, { partial: true, dropped: ["port 0"] }))).toEqual({
      kind: "endpoints",
      endpoints: [
        { address: "fd00::1", port: 1, name: "a.users.test" },
        { address: "localhost", port: 2, weight: 3, tier: 1, metadata: { zone: "a" } },
      ],
      ttlMs: 30_000,
      partial: true,
      dropped: ["port 0"],
    });
  });

  it("is read once: what was checked is what is used", async () => {
    let reads = 0;
    class Server {
      readonly port = 1;
      readonly address = "10.0.0.1";
      get name() {
        return reads++ === 0 ? "a.users.test" : "evil.test/.users.test";
      }
    }
    const resolution = await resolve(answer([new Server()]), byTarget("users.test"));
    expect(resolution).toMatchObject({ endpoints: [{ address: "10.0.0.1", port: 1, name: "a.users.test" }] });
    expect(reads).toBe(1);
  });

  it.each([
    ["by the target's name", {}, "users.test"],
    ["by the server's own", {}, undefined],
    ["by a name of the options", { serverName: "users.test" }, undefined],
  ])("may name an address of one interface, verified %s", async (_, tls, authority) => {
    const [scoped, other] = [
      { address: "FE80::1%eth0", port: 1 },
      { address: "10.0.0.1", port: 1 },
    ];
    const isNamed = authority !== undefined || "serverName" in tls;
    expect(await resolve(answer([scoped, other]), tls, authority)).toMatchObject({
      endpoints: [...(isNamed ? [{ address: "fe80::1%eth0" }] : []), { address: "10.0.0.1" }],
      dropped: isNamed ? [] : ["the server fe80::1%eth0 has no name to verify"],
    });
    expect(await resolve(answer([{ ...scoped, name: "a.test" }]), tls, authority)).toMatchObject({
      endpoints: [{ address: "fe80::1%eth0", name: "a.test" }],
    });
  });
});

describe('with tls.serverName: "target"', () => {
  const server = (name?: string) => ({ address: "10.0.0.1", port: 1, ...(name !== undefined && { name }) });

  it.each([
    ["a.users.test", true],
    ["users.test", true],
    ["A.B.Users.Test.", true],
    ["evilusers.test", false],
    ["users.test.evil.test", false],
    ["test", false],
    ["10.0.0.1", false],
    ["evil.test/.users.test", false],
    [undefined, false],
  ])("%s is within users.test: %s", async (name, trusted) => {
    const both = resolve(answer([server(name), server("z.users.test")]), byTarget("users.test"));
    const { endpoints } = (await both) as Resolution & { kind: "endpoints" };
    expect(endpoints).toHaveLength(trusted ? 2 : 1);
  });

  it("the target's own name is what is trusted by default, and several domains may be", async () => {
    const names = ["a.users.test", "a.orders.test", "a.test"];
    const namesOf = async (tls: TlsOptions) =>
      (
        (await resolve(answer(names.map(server)), tls, "Users.Test")) as Resolution & { kind: "endpoints" }
      ).endpoints.map(({ name }) => name);
    expect(await namesOf({ serverName: "target" })).toEqual(["a.users.test"]);
    expect(await namesOf(byTarget("orders.test", "users.test"))).toEqual(["a.users.test", "a.orders.test"]);
  });

  it("says why each record was dropped, those that the resolver dropped too", async () => {
    const endpoints = [
      server("a.users.test"),
      server("a.test"),
      server(),
      server("a b"),
      { ...server(), address: "x y" },
    ];
    expect(await resolve(answer(endpoints, { dropped: ["port 0"] }), byTarget("users.test"))).toMatchObject({
      dropped: [
        "port 0",
        "the server name a.test is in none of the trusted domains (users.test)",
        "the server 10.0.0.1 has no name to verify",
        'the server name "a b" is not a host name',
        'the address "x y" is neither an IP address nor a host name',
      ],
    });
    await expect(resolve(answer(endpoints.slice(1)), byTarget("users.test"))).rejects.toThrow(
      'no record of the answer can be used: the address "x y" is neither an IP address nor a host name; the server 10.0.0.1 has no name to verify; the server name "a b" is not a host name; and 1 more',
    );
  });
});

describe("a resolver's authority", () => {
  it("is read once, when the transport is created, in its one spelling", () => {
    let reads = 0;
    const resolver: Resolver = {
      target: "mine",
      get authority() {
        return reads++ === 0 ? "Bücher.Example." : "evil.test/";
      },
      resolve: async () => answer([]),
    };
    const checked = checkedResolver(resolver, "target", false);
    expect([checked.authority, checked.authority, reads]).toEqual([
      "xn--bcher-kva.example",
      "xn--bcher-kva.example",
      1,
    ]);
  });

  it("may be missing", () => {
    const resolver = { target: "mine", resolve: async () => answer([]) };
    expect("authority" in checkedResolver(resolver, "target", false)).toBe(false);
  });
});

test("a resolver is one by its resolve(), whatever else it has", async () => {
  class Registry {
    readonly target = "mine";
    readonly options = { secret: 1 };
    readonly scheme = "x";
    async resolve() {
      return answer([{ address: "127.0.0.1", port: this.options.secret }]);
    }
  }
  const target = new Registry();
  const transport = balancedTransport({ target, fallbackTarget: new Registry() }, nodePlatform);
  await transport.refresh();
  expect(transport.snapshot().endpoints).toMatchObject([{ address: "127.0.0.1:1" }]);
});

test("an event for dropped records comes again only when their reasons change", async () => {
  let names: string[] = [];
  const events: BalancedTransportEvent[] = [];
  const target: Resolver = {
    target: "mine",
    resolve: async () => answer(["a.test", ...names].map((name) => ({ address: "10.0.0.1", port: 1, name }))),
  };
  const transport = balancedTransport({ target, onEvent: (event) => events.push(event) }, nodePlatform);
  const dropped = async (...found: string[]) => {
    names = found;
    events.length = 0;
    await transport.refresh();
    return events.flatMap((event) =>
      event.type === "records-dropped" ? [[event.target, event.dropped, event.reason]] : [],
    );
  };
  const why = (name: string) => `the server name "${name}" is not a host name`;
  expect(await dropped()).toEqual([]);
  expect(await dropped("a b", "c d")).toEqual([["mine", 2, `${why("a b")}; ${why("c d")}`]]);
  expect(await dropped("c d", "a b", "a b")).toEqual([]);
  expect(await dropped("a b")).toEqual([["mine", 1, why("a b")]]);
  expect(await dropped()).toEqual([]);
  expect(await dropped("a b")).toEqual([["mine", 1, why("a b")]]);
  expect(await dropped("1 1", "2 2", "3 3", "4 4", "5 5")).toEqual([
    ["mine", 5, `${why("1 1")}; ${why("2 2")}; ${why("3 3")}; and 2 more`],
  ]);
});
