import { type Client, createClient } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { type DemoDnsServer, startDnsServer } from "../../examples/demo/dns-server.ts";
import { type BalancedTransportEvent, type BalancedTransportOptions, createBalancedTransport } from "../../src/node.ts";
import { createTestAuthority } from "../support/certificates.ts";
import { rejection } from "../support/endpoint-client.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { type EchoServer, type EchoServerOptions, startEchoServer } from "../support/servers.ts";
import { stoppedClock } from "../support/shifted-clock.ts";

// A service with two priorities, and another target behind it, over real sockets.

const USERS = "_grpc._tcp.users.test";
const BACKUP = "_grpc._tcp.backup.test";

let dns: DemoDnsServer;
let servers: Map<string, EchoServer>;
let clock: ReturnType<typeof stoppedClock>;

beforeEach(async () => {
  clock = stoppedClock();
  dns = await startDnsServer();
  servers = new Map();
});
afterEach(async () => {
  for (const server of servers.values()) server.kill();
  await dns.close();
  clock[Symbol.dispose]();
});

async function start(name: string, options: Partial<EchoServerOptions> = {}): Promise<void> {
  servers.set(name, await startEchoServer({ name, httpVersion: "2", ...options }));
}

function list(service: string, names: readonly (readonly [name: string, priority: number])[]): void {
  const records = names.map(([name, priority]) => ({
    target: `${name}.servers.test`,
    port: (servers.get(name) as EchoServer).port,
    priority,
    address: "127.0.0.1",
  }));
  dns.srv(service, records, 30);
}

function transport(options: Partial<BalancedTransportOptions> = {}) {
  const events: BalancedTransportEvent[] = [];
  const made = createBalancedTransport({
    target: `srv://${dns.address}/${USERS}`,
    fallbackTarget: `srv://${dns.address}/${BACKUP}`,
    tls: false,
    onEvent: (event) => void events.push(event),
    ...options,
  });
  return { transport: made, client: createClient(EchoService, made), events };
}

async function answering(client: Client<typeof EchoService>, calls = 20): Promise<string[]> {
  const names = new Set<string>();
  for (let i = 0; i < calls; i++) names.add((await client.get({})).server);
  return [...names].sort();
}

async function restart(name: string): Promise<void> {
  const { port } = servers.get(name) as EchoServer;
  await start(name, { port });
}

/** So long after the beginning of the test, for every age and breaker. */
function at<T>(ms: number, what: () => Promise<T>): Promise<T> {
  clock.aheadMs = ms;
  return what();
}

test("priority by priority, then the fallback's, and back again: no call fails", async () => {
  for (const name of ["a", "b", "x", "y"]) await start(name);
  list(USERS, [
    ["a", 0],
    ["b", 5],
  ]);
  list(BACKUP, [
    ["x", 0],
    ["y", 1],
  ]);
  const { client, transport: made, events } = transport();
  expect(await answering(client)).toEqual(["a"]);
  servers.get("a")?.kill();
  expect(await answering(client)).toEqual(["b"]);
  servers.get("b")?.kill();
  expect(await answering(client)).toEqual(["x"]);
  servers.get("x")?.kill();
  expect(await answering(client)).toEqual(["y"]);
  expect(made.snapshot()).toMatchObject({
    target: `srv://${dns.address}/${USERS}`,
    fallback: { target: `srv://${dns.address}/${BACKUP}`, answer: { ttlMs: 30_000 } },
    serving: { tier: 7, mode: "eligible" },
  });
  expect(made.snapshot().endpoints.map(({ tier, fallback }) => [tier, fallback])).toEqual([
    [0, undefined],
    [5, undefined],
    [6, true],
    [7, true],
  ]);
  const ejected = events.flatMap((event) => (event.type === "ejected" ? [event.endpoint] : []));
  expect(ejected.map(({ port, fallback = false }) => [port, fallback])).toEqual([
    [servers.get("a")?.port, false],
    [servers.get("b")?.port, false],
    [servers.get("x")?.port, true],
  ]);

  await restart("b");
  await at(2_000, async () => {
    // The probe of a fails, and what never left goes to an endpoint of which nothing bad is known.
    expect(await answering(client, 1)).toEqual(["y"]);
    expect(await answering(client)).toEqual(["b"]);
  });
  await restart("a");
  expect(await at(4_000, () => answering(client))).toEqual(["a"]);
});

test("bad answers eject the first target's server, and its probe brings it back", async () => {
  for (const name of ["a", "x"]) await start(name);
  list(USERS, [["a", 0]]);
  list(BACKUP, [["x", 0]]);
  const { client } = transport({ retry: false });
  const failCode = 13;
  expect(await answering(client, 1)).toEqual(["a"]);
  for (let i = 0; i < 3; i++) await rejection(client.get({ failCode }));
  expect(await answering(client)).toEqual(["x"]);
  expect(await at(10_000, () => answering(client))).toEqual(["a"]);
});

describe("a first target without servers", () => {
  test("that does not exist: the fallback serves, and the first call does not wait", async () => {
    await start("x");
    list(BACKUP, [["x", 0]]);
    const { client, transport: made } = transport();
    // A call that waited would wait for a timer.
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    expect(await answering(client)).toEqual(["x"]);
    vi.useRealTimers();
    expect(made.snapshot()).toMatchObject({
      answer: { reason: expect.stringMatching(`^${USERS} does not exist \\(NXDOMAIN\\)`) },
    });
    await start("a");
    list(USERS, [["a", 0]]);
    await expect.poll(() => at(6_000, () => answering(client))).toEqual(["a"]);
  });

  test("whose DNS server is dead", async () => {
    await start("x");
    list(BACKUP, [["x", 0]]);
    const { client, events } = transport({ target: `srv://127.0.0.1:9/${USERS}` });
    expect(await answering(client)).toEqual(["x"]);
    expect(events.find(({ type }) => type === "resolve-failed")).toMatchObject({
      target: `srv://127.0.0.1:9/${USERS}`,
    });
  });
});

test("a fallback that is a list, or a resolver of one's own", async () => {
  await start("x");
  const { port } = servers.get("x") as EchoServer;
  const mine = {
    target: "mine",
    resolve: async () => ({
      kind: "endpoints" as const,
      ttlMs: 30_000,
      endpoints: [{ address: "127.0.0.1", port }],
    }),
  };
  for (const fallbackTarget of [`static:///127.0.0.1:${port}`, mine]) {
    const { client } = transport({ target: "static:///127.0.0.1:9", fallbackTarget });
    expect(await answering(client)).toEqual(["x"]);
  }
});

test("TLS verifies each target's own name", async () => {
  const authority = await createTestAuthority();
  await start("a", { tls: await authority.server({ dns: ["users.test"] }) });
  await start("x", { tls: await authority.server({ dns: ["backup.test"] }) });
  list(USERS, [["a", 0]]);
  list(BACKUP, [["x", 0]]);
  const { client } = transport({ tls: { ca: authority.ca } });
  expect(await answering(client)).toEqual(["a"]);
  servers.get("a")?.kill();
  expect(await answering(client)).toEqual(["x"]);
  expect(servers.get("x")?.authorities.every((host) => host.startsWith("backup.test:"))).toBe(true);

  // The other way round, neither is what its certificate says.
  const swapped = transport({
    target: `srv://${dns.address}/${BACKUP}`,
    fallbackTarget: "static:///127.0.0.1:9",
    tls: { ca: authority.ca, serverName: "users.test" },
  });
  expect(`${await rejection(swapped.client.get({}))}`).toMatch(/could not connect/);
});

test("of the fallback, a healthy first target costs one query", async () => {
  for (const name of ["a", "x"]) await start(name);
  list(USERS, [["a", 0]]);
  list(BACKUP, [["x", 0]]);
  const backupDns = await startDnsServer();
  try {
    backupDns.srv(BACKUP, [{ target: "x.servers.test", port: 1, address: "127.0.0.1" }], 5);
    const { client } = transport({ fallbackTarget: `srv://${backupDns.address}/${BACKUP}` });
    for (let minute = 0; minute < 30; minute++) await at(minute * 60_000, () => client.get({}));
    expect(backupDns.queries).toBe(1);
  } finally {
    await backupDns.close();
  }
});
