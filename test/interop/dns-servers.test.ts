import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createNodeDnsClient } from "../../src/node/dns/node-dns-client.ts";
import { systemRuntime } from "../../src/runtime.ts";
import { createHostResolver } from "../../src/schemes/dns.ts";
import { endpointsOf, lookUp, serviceName } from "./look-up.ts";
import { type AllServers, SERVER_NAMES, startAll } from "./servers/all.ts";
import { RECORDS, ZONE } from "./zones.ts";

// What comes out alike whichever server is asked. Where they differ, and how much: differences.test.ts.

let servers: AllServers;
beforeAll(async () => {
  servers = await startAll();
});
afterAll(() => servers?.[Symbol.asyncDispose]());

describe.each(SERVER_NAMES)("%s", (name) => {
  const server = () => servers.get(name);

  test.each(["udp", "tcp"] as const)("three targets with priorities and weights, over %s", async (transport) => {
    const resolution = await lookUp(server(), serviceName("three"), { transport });
    if (resolution.kind !== "endpoints") throw new Error(resolution.reason);
    expect(resolution.endpoints.toSorted((a, b) => a.port - b.port)).toEqual([
      { address: "127.0.0.1", port: 8001, name: `h1.${ZONE}`, weight: 60, tier: 10 },
      { address: "127.0.0.2", port: 8002, name: `h2.${ZONE}`, weight: 40, tier: 10 },
      { address: "127.0.0.3", port: 8003, name: `h3.${ZONE}`, weight: 0, tier: 20 },
    ]);
    // A forwarder's cache may be some seconds old.
    expect(resolution.ttlMs).toBeGreaterThan(15_000);
    expect(resolution.ttlMs).toBeLessThanOrEqual(30_000);
  });

  test("sixty targets, too many for UDP, are all there", async () => {
    const sixty = Array.from({ length: 60 }, (_, i) => `127.0.0.${i + 1}:${9001 + i}`);
    expect(endpointsOf(await lookUp(server(), serviceName("sixty")))).toEqual(sixty);
  });

  test("a target that is an alias", async () => {
    expect(await lookUp(server(), serviceName("aliased"))).toMatchObject({
      endpoints: [{ address: "127.0.0.1", port: 8004, name: `alias.${ZONE}` }],
    });
  });

  test("an alias at the owner of the SRV records", async () => {
    expect(endpointsOf(await lookUp(server(), serviceName("moved")))).toHaveLength(3);
  });

  test("a target with an IPv6 address only", async () => {
    expect(endpointsOf(await lookUp(server(), serviceName("six")))).toEqual(["::1:8006"]);
  });

  test("the target '.' means that the service is not available", async () => {
    expect(await lookUp(server(), serviceName("none"))).toMatchObject({ kind: "unavailable" });
  });

  test("a missing name is empty, and says so", async () => {
    const reason = `${serviceName("missing")} does not exist (NXDOMAIN)`;
    expect(await lookUp(server(), serviceName("missing"))).toMatchObject({ kind: "empty", reason });
  });

  test("a name without SRV records is empty, and not a failure", async () => {
    const reason = `only-a.${ZONE} has no SRV records`;
    expect(await lookUp(server(), `only-a.${ZONE}`)).toMatchObject({ kind: "empty", reason });
  });

  test("a host without IPv6 is empty for IPv6, and has its IPv4 address", async () => {
    const dns = createNodeDnsClient({ servers: [server().address] }, systemRuntime);
    const host = { target: "t", host: `only-a.${ZONE}`, port: 80, dns };
    const { clock, random, sleep } = systemRuntime;
    const limits = { signal: new AbortController().signal, deadline: clock.now() + 3_000 };
    const context = { ...limits, clock, random, sleep, reason: "first" as const };
    expect(await createHostResolver({ ...host, family: "ipv6" }).resolve(context)).toMatchObject({ kind: "empty" });
    const endpoints = [{ address: "127.0.0.9", port: 80, name: `only-a.${ZONE}` }];
    expect(await createHostResolver({ ...host, family: "auto" }).resolve(context)).toMatchObject({ endpoints });
  });
});

/** Two seconds for servers that look for changes every second, besides the TTL of 1 s, which some caches make 5. */
const SEEN_WITHIN_MS: Readonly<Record<string, number>> = { "Knot Resolver": 8_000, "CoreDNS forwarder": 8_000 };

describe("a change of the zone is seen, through caches too", () => {
  beforeAll(async () => {
    for (const name of SERVER_NAMES) {
      expect(endpointsOf(await lookUp(servers.get(name), serviceName("changing")))).toEqual(["127.0.0.1:8001"]);
    }
    const others = RECORDS.filter((record) => !record.includes("changing"));
    await servers.change([...others, "_grpc._tcp.changing 1 SRV 0 0 8002 h2"]);
  });

  test.concurrent.each(SERVER_NAMES)("%s", async (name) => {
    const deadline = Date.now() + (SEEN_WITHIN_MS[name] ?? 3_500);
    for (;;) {
      const found = endpointsOf(await lookUp(servers.get(name), serviceName("changing")));
      if (found[0] === "127.0.0.2:8002") return;
      expect(found).toEqual(["127.0.0.1:8001"]);
      if (Date.now() > deadline) throw new Error("it was not seen");
      await sleep(50);
    }
  });
});
