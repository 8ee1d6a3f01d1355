import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createHostResolver } from "../../src/discovery/host.ts";
import type { Resolution, ResolveContext } from "../../src/discovery/resolver.ts";
import { createSrvResolver } from "../../src/discovery/srv.ts";
import type { DnsClient } from "../../src/dns/client.ts";
import { createNodeDnsClient } from "../../src/node/dns-client.ts";
import { systemRuntime } from "../../src/runtime.ts";
import { type Knot, type RealServer, startDnsmasq, startKnot, ZONE } from "./servers.ts";
import { DNSMASQ_LINES, KNOT_RECORDS, srv } from "./zones.ts";

const context = (): ResolveContext => ({
  signal: new AbortController().signal,
  deadline: Date.now() + 3000,
  clock: systemRuntime.clock,
  random: Math.random,
  reason: "first",
});

function lookUp(server: RealServer, service: string, transport: "udp" | "tcp" = "udp"): Promise<Resolution> {
  const dns = createNodeDnsClient({ servers: [server.address], transport }, systemRuntime);
  const name = `_grpc._tcp.${service}.${ZONE}`;
  return createSrvResolver({ target: `srv:///${name}`, name, dns, family: "auto" }).resolve(context());
}

const byPort = (resolution: Resolution) => {
  if (resolution.kind !== "endpoints") throw new Error(`no endpoints but ${JSON.stringify(resolution)}`);
  return resolution.endpoints.toSorted((a, b) => a.port - b.port);
};

/** A server that sends no additional section, which recursive resolvers do: every target has to be followed up. */
const withoutAdditional = (dns: DnsClient): DnsClient => ({
  ...dns,
  srv: async (name, limits) => {
    const answer = await dns.srv(name, limits);
    return answer.kind === "records" ? { ...answer, addresses: new Map() } : answer;
  },
});

let knot: Knot;
let dnsmasq: RealServer & { port: number };
beforeAll(async () => {
  [knot, dnsmasq] = await Promise.all([startKnot(KNOT_RECORDS), startDnsmasq(DNSMASQ_LINES)]);
});
afterAll(() => Promise.all([knot?.stop(), dnsmasq?.stop()]));

describe.each(["knot", "dnsmasq"] as const)("%s", (kind) => {
  const server = (): RealServer => (kind === "knot" ? knot : dnsmasq);

  test.each(["udp", "tcp"] as const)("three targets with priorities and weights, over %s", async (transport) => {
    const resolution = await lookUp(server(), "three", transport);
    expect(byPort(resolution)).toEqual([
      { address: "127.0.0.1", port: 8001, name: `h1.${ZONE}`, weight: 60, tier: 10 },
      { address: "127.0.0.2", port: 8002, name: `h2.${ZONE}`, weight: 40, tier: 10 },
      { address: "127.0.0.3", port: 8003, name: `h3.${ZONE}`, weight: 0, tier: 20 },
    ]);
    expect(resolution.ttlMs).toBe(30_000);
  });

  test("sixty targets, too many for UDP, are all there", async () => {
    const endpoints = byPort(await lookUp(server(), "sixty"));
    expect(endpoints.map(({ address, port }) => `${address}:${port}`)).toEqual(
      Array.from({ length: 60 }, (_, i) => `127.0.0.${i + 1}:${9001 + i}`),
    );
  });

  test("a target that is an alias", async () => {
    expect(byPort(await lookUp(server(), "aliased"))).toMatchObject([
      { address: "127.0.0.1", port: 8004, name: `alias.${ZONE}` },
    ]);
  });

  test("a target with an IPv6 address only", async () => {
    expect(byPort(await lookUp(server(), "six"))).toMatchObject([{ address: "::1", port: 8006 }]);
  });

  test("targets without addresses in the answer are followed up", async () => {
    const dns = createNodeDnsClient({ servers: [server().address] }, systemRuntime);
    const name = `_grpc._tcp.sixty.${ZONE}`;
    const options = { target: name, name, dns: withoutAdditional(dns), family: "auto" as const };
    expect(byPort(await createSrvResolver(options).resolve(context()))).toHaveLength(60);
  });

  test("the target '.' means that the service is not available", async () => {
    expect(await lookUp(server(), "none")).toMatchObject({ kind: "unavailable" });
  });

  test("a missing name is empty, and says so", async () => {
    const reason = `_grpc._tcp.missing.${ZONE} does not exist (NXDOMAIN)`;
    // dnsmasq sends no SOA, so its negative answers must not be kept.
    expect(await lookUp(server(), "missing")).toEqual({ kind: "empty", reason, ttlMs: kind === "knot" ? 5000 : 0 });
  });

  test("a name without SRV records is empty, and not a failure", async () => {
    const dns = createNodeDnsClient({ servers: [server().address] }, systemRuntime);
    const srvResolver = createSrvResolver({ target: "t", name: `only-a.${ZONE}`, dns, family: "auto" });
    expect(await srvResolver.resolve(context())).toMatchObject({
      kind: "empty",
      reason: `only-a.${ZONE} has no SRV records`,
    });
    const host = { target: "t", host: `only-a.${ZONE}`, port: 80, dns };
    expect(await createHostResolver({ ...host, family: "ipv6" }).resolve(context())).toMatchObject({ kind: "empty" });
    const endpoints = [{ address: "127.0.0.9", port: 80, name: `only-a.${ZONE}` }];
    expect(await createHostResolver({ ...host, family: "auto" }).resolve(context())).toMatchObject({ endpoints });
  });

  test("a name of a foreign zone is a failure", async () => {
    const dns = createNodeDnsClient({ servers: [server().address] }, systemRuntime);
    const foreign = createSrvResolver({ target: "t", name: "_grpc._tcp.example.org", dns, family: "auto" });
    await expect(foreign.resolve(context())).rejects.toThrow(`${server().address} answered REFUSED`);
  });
});

test("knot follows an alias at the owner of the SRV records", async () => {
  expect(byPort(await lookUp(knot, "moved"))).toHaveLength(3);
});

test("a change of knot's zone is seen by the next look-up", async () => {
  expect(byPort(await lookUp(knot, "changing"))).toMatchObject([{ port: 8001 }]);
  await knot.change(["unset", "_grpc._tcp.changing", "SRV"], ["set", "_grpc._tcp.changing", "7", "SRV", "0 0 8002 h2"]);
  const changed = await lookUp(knot, "changing");
  expect(byPort(changed)).toMatchObject([{ address: "127.0.0.2", port: 8002 }]);
  expect(changed.ttlMs).toBe(7000);
});

test("a restart of dnsmasq with other data is seen, and a failure in between", async () => {
  expect(byPort(await lookUp(dnsmasq, "changing"))).toMatchObject([{ port: 8001 }]);
  await dnsmasq.stop();
  await expect(lookUp(dnsmasq, "changing")).rejects.toThrow("ECONNREFUSED");
  const others = DNSMASQ_LINES.filter((line) => !line.includes("changing"));
  dnsmasq = await startDnsmasq([...others, srv("changing", "h2,8002,0,0")], dnsmasq.port);
  expect(byPort(await lookUp(dnsmasq, "changing"))).toMatchObject([{ address: "127.0.0.2", port: 8002 }]);
});
