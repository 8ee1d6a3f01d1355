import { describe, expect, test } from "vitest";
import type { AddressAnswer, DnsClient, LookUpLimits } from "../../src/dns/dns-client.ts";
import { ofFamily } from "../../src/schemes/families.ts";
import { earlier, type HostLookUpOptions, HostLookUps } from "../../src/schemes/look-up-hosts.ts";
import { createSrvResolver } from "../../src/schemes/srv.ts";
import { createStaticResolver } from "../../src/schemes/static.ts";
import { FakeRuntime, settled } from "../support/fake-runtime.ts";

// The look-ups of an answer's own hosts: how many at once, and until when.

const signal = new AbortController().signal;
const found = (...addresses: string[]): AddressAnswer => ({
  kind: "records",
  records: addresses.map((address) => ({ address, ttlSeconds: 30 })),
});
const names = (count: number) => Array.from({ length: count }, (_, i) => `h${i + 1}.test`);

/** Time does not pass unless a runtime is given. */
async function locateHosts(
  hosts: readonly string[],
  lookUp: (host: string) => Promise<AddressAnswer>,
  options: Partial<HostLookUpOptions> = {},
) {
  const { sleep } = new FakeRuntime();
  const lookUps = new HostLookUps(hosts, { lookUp, family: "auto", sleep, ...options });
  await lookUps.ended;
  return lookUps.located;
}

describe("hosts", () => {
  test.each([
    [3, 3],
    [8, 8],
    [9, 8],
    [50, 8],
  ])("of %i, %i are looked up at once, and all in the end", async (count, most) => {
    const waiting: (() => void)[] = [];
    let running = 0;
    let peak = 0;
    const located = locateHosts(names(count), async (host) => {
      running += 1;
      peak = Math.max(peak, running);
      await new Promise<void>((resolve) => waiting.push(resolve));
      running -= 1;
      return found(`10.0.0.${host.replace(/\D/g, "")}`);
    });
    await settled();
    expect(running).toBe(most);
    for (let end = waiting.shift(); end !== undefined; end = waiting.shift()) {
      end();
      await settled();
    }
    expect(peak).toBe(most);
    expect([...(await located).keys()].sort()).toEqual(names(count).sort());
  });

  test("are looked up once each, however often they are named", async () => {
    const asked: string[] = [];
    await locateHosts(["a.test", "b.test", "a.test", "a.test"], async (host) => {
      asked.push(host);
      return found("10.0.0.1");
    });
    expect(asked).toEqual(["a.test", "b.test"]);
  });

  test("that fail do not hide the others, and are told from those that have no address", async () => {
    const broken = new Error("SERVFAIL");
    const located = await locateHosts(["a.test", "b.test", "c.test", "d.test"], (host) => {
      if (host === "a.test") throw broken;
      if (host === "b.test") return Promise.reject(broken);
      return Promise.resolve(host === "c.test" ? { kind: "nodata", ttlSeconds: 7 } : found("10.0.0.4"));
    });
    expect(Object.fromEntries(located)).toEqual({
      "a.test": { kind: "failed", error: broken },
      "b.test": { kind: "failed", error: broken },
      "c.test": { kind: "none", ttlSeconds: 7 },
      "d.test": { kind: "addresses", records: [{ address: "10.0.0.4", ttlSeconds: 30 }] },
    });
  });

  test("that are slow hold up no other: after 100 ms the next ones are looked up beside them", async () => {
    const runtime = new FakeRuntime();
    const sleep = (ms: number, abort?: AbortSignal) => runtime.sleep(ms, abort, true);
    const asked: string[] = [];
    const lookUps = new HostLookUps(names(20), {
      lookUp: (host) => {
        asked.push(host);
        return new Promise(() => {});
      },
      family: "auto",
      sleep,
    });
    let isPrompt = false;
    void lookUps.prompt.then(() => {
      isPrompt = true;
    });
    const counts: number[] = [];
    for (let round = 0; round < 4; round++) {
      counts.push(asked.length);
      await runtime.advance(100);
    }
    expect(counts).toEqual([8, 16, 20, 20]);
    expect({ isPrompt, hasEnded: lookUps.hasEnded, timers: runtime.timers }).toEqual({
      isPrompt: true,
      hasEnded: false,
      timers: 0,
    });
  });

  test("are looked up until there are enough; the rest is known to be more than that", async () => {
    const asked: string[] = [];
    const located = await locateHosts(
      names(20),
      async (host) => {
        asked.push(host);
        return found("10.0.0.1");
      },
      { hasEnough: (known) => known.size >= 8 },
    );
    expect(asked).toHaveLength(8);
    expect([...located.values()].filter(({ kind }) => kind === "surplus")).toHaveLength(12);
  });
});

test("look-ups of hosts have nine tenths of the time that is left", () => {
  const runtime = new FakeRuntime();
  const now = runtime.time;
  expect(earlier({ signal, deadline: now + 1_000 }, runtime.clock)).toEqual({ signal, deadline: now + 900 });
  runtime.time += 500;
  expect(earlier({ signal, deadline: now + 1_000 }, runtime.clock)).toEqual({ signal, deadline: now + 950 });
});

describe("a host whose look-up does not end", () => {
  /** Knows one host, and waits for another as long as it may. */
  function dnsOf(runtime: FakeRuntime): DnsClient {
    const srv = { priority: 0, weight: 1, port: 80, ttlSeconds: 30 };
    return {
      srv: async () => ({
        kind: "records",
        records: ["found.test", "silent.test"].map((target) => ({ ...srv, target })),
        addresses: new Map(),
      }),
      async addresses(name: string, limits: LookUpLimits) {
        if (name === "found.test") return found("10.0.0.1");
        await runtime.sleep(limits.deadline - runtime.time);
        throw new Error("no answer in time");
      },
    };
  }
  const target = "test";
  const family = "auto";

  test.each([
    ["SRV", (dns: DnsClient) => createSrvResolver({ target, name: "_grpc._tcp.users.test", dns, family })],
    [
      "a list",
      (dns: DnsClient) =>
        createStaticResolver({ target, entries: ["found.test:80", "silent.test:80"], dns: () => dns, family }),
    ],
  ])("does not take those that were found with it: %s", async (_, create) => {
    const runtime = new FakeRuntime();
    const { clock, random } = runtime;
    const sleep = (ms: number, abort?: AbortSignal) => runtime.sleep(ms, abort, true);
    const deadline = runtime.time + 1_000;
    let resolution: unknown;
    const resolving = create(dnsOf(runtime)).resolve({ signal, deadline, clock, random, sleep, reason: "first" });
    void resolving.then((value) => {
      resolution = value;
    });
    await runtime.advance(950);
    // Incomplete, so it is asked for again soon.
    expect(resolution).toMatchObject({ kind: "endpoints", endpoints: [{ address: "10.0.0.1" }], ttlMs: 5_000 });
  });
});

describe("an address and port that several SRV records name is one endpoint", () => {
  /** What becomes of records of these priorities and weights, whose targets have the same address. */
  async function endpointsOf(...records: (readonly [priority: number, weight: number])[]) {
    const runtime = new FakeRuntime();
    const dns: DnsClient = {
      srv: async () => ({
        kind: "records",
        records: records.map(([priority, weight], i) => ({
          priority,
          weight,
          port: 80,
          ttlSeconds: 30,
          target: `h${i}.test`,
        })),
        addresses: new Map(),
      }),
      addresses: async () => found("10.0.0.1"),
    };
    const resolver = createSrvResolver({ target: "test", name: "_grpc._tcp.users.test", dns, family: "auto" });
    const { clock, random } = runtime;
    const sleep = (ms: number, abort?: AbortSignal) => runtime.sleep(ms, abort, true);
    const context = { signal, deadline: runtime.time + 1_000, clock, random, sleep, reason: "first" } as const;
    const resolution = await resolver.resolve(context);
    return resolution.kind === "endpoints"
      ? resolution.endpoints.map(({ tier, weight }) => [tier, weight])
      : resolution;
  }

  test.each([
    [
      "with both weights in one tier",
      [
        [1, 10],
        [1, 30],
      ],
      [[1, 40]],
    ],
    [
      "of the better tier, named first",
      [
        [1, 10],
        [2, 30],
      ],
      [[1, 10]],
    ],
    [
      "of the better tier, named last",
      [
        [2, 30],
        [1, 10],
      ],
      [[1, 10]],
    ],
    [
      "of the better tier, with its own weights only",
      [
        [1, 10],
        [2, 30],
        [1, 5],
      ],
      [[1, 15]],
    ],
  ] as const)("%s", async (_, records, expected) => {
    expect(await endpointsOf(...records)).toEqual(expected);
  });
});

test.each([
  ["auto", ["10.0.0.1", "10.0.0.2"]],
  ["ipv4", ["10.0.0.1", "10.0.0.2"]],
  ["ipv6", ["::1"]],
] as const)("the addresses of the family %s", (family, expected) => {
  const records = ["10.0.0.1", "::1", "10.0.0.2"].map((address) => ({ address, ttlSeconds: 1 }));
  expect(ofFamily(records, family).map(({ address }) => address)).toEqual(expected);
  const v6 = records.filter(({ address }) => address === "::1");
  expect(ofFamily(v6, family)).toEqual(family === "ipv4" ? [] : v6);
});
