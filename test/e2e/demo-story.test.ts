import { createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DemoDnsServer, startDnsServer } from "../../examples/demo/dns-server.ts";
import { callReport, createBalancedTransport } from "../../src/node.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { type EchoServer, startEchoServer } from "../support/servers.ts";
import { shiftedClock } from "../support/shifted-clock.ts";

// What the phases of `npm start` do to the servers, a hundred times faster, over and over: no call fails. STORIES=100 for
// the whole of it.

const STORIES = Number(process.env.STORIES ?? 8);
/** Of each phase: at 250 calls a second, a hundredth of the demo's. */
const CALLS = 60;
const CALLERS = 8;
const SERVICE = "_grpc._tcp.users.test";

let dns: DemoDnsServer;
beforeAll(async () => {
  dns = await startDnsServer();
});
afterAll(() => dns.close());

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const startAll = (names: readonly string[]) =>
  Promise.all(names.map((name) => startEchoServer({ name, httpVersion: "2" })));

/** A client's calls, one after another in each of its callers, until the end of the scope. */
function traffic(target: string) {
  const transport = createBalancedTransport({ target, tls: false, dns: { minTtlMs: 1 } });
  const client = createClient(EchoService, transport);
  const failures: unknown[] = [];
  const served = new Set<string>();
  let calls = 0;
  let ended = 0;
  let isOver = false;
  const callers = Array.from({ length: CALLERS }, async () => {
    while (!isOver) {
      calls++;
      await client.get({ text: "hello" }, { timeoutMs: 5_000 }).then(
        ({ server }) => void served.add(server),
        (error: unknown) => void failures.push({ error: String(error), report: callReport(error)?.attempts }),
      );
      ended++;
      await sleep(1);
    }
  });
  return {
    failures,
    get calls() {
      return calls;
    },
    /** Settles when so many more calls have ended. */
    async more(count: number): Promise<void> {
      for (const target = ended + count; ended < target; ) await sleep(1);
    },
    /** Who has answered since the last time this was asked. */
    served(): string[] {
      const names = [...served].sort();
      served.clear();
      return names;
    },
    async end() {
      isOver = true;
      await Promise.all(callers);
      transport.close();
    },
  };
}

async function story(): Promise<{ calls: number; failures: readonly unknown[]; phases: readonly string[][] }> {
  using clock = shiftedClock();
  let first = await startAll(["a", "b", "c", "d"]);
  const standby = await startAll(["x", "y"]);
  const all = [...first, ...standby];
  const record = (priority: number) => (server: EchoServer) => {
    return { target: `${server.name}.servers.test`, port: server.port, priority, address: "127.0.0.1" };
  };
  const publish = () => dns.srv(SERVICE, [...first.map(record(0)), ...standby.map(record(10))], 0);
  const arrive = async (names: readonly string[]) => {
    const servers = await startAll(names);
    all.push(...servers);
    return servers;
  };
  publish();
  const client = traffic(`srv://${dns.address}/${SERVICE}`);
  const phases: string[][] = [];
  const phase = async (begin: () => Promise<void> | void) => {
    await begin();
    client.served();
    await client.more(CALLS);
    phases.push(client.served());
  };
  const c = first[2] as EchoServer;
  await phase(() => {});
  await phase(() => c.kill());
  await phase(async () => {
    first = [...first.filter((server) => server !== c), ...(await arrive(["e"]))];
    publish();
  });
  await phase(() => {
    for (const server of first) void server.close();
  });
  await phase(async () => {
    first = await arrive(["f", "g", "h"]);
    publish();
  });
  await phase(async () => {
    const old = [...first, ...standby];
    first = await arrive(["p", "q", "r"]);
    standby.length = 0;
    publish();
    for (const server of old) void server.close();
    clock.aheadMs += 4_000;
  });
  await client.end();
  for (const server of all) server.kill();
  return { calls: client.calls, failures: client.failures, phases };
}

test(`the phases of the demo fail no call, ${STORIES} times`, { timeout: 10_000 + 5_000 * STORIES }, async () => {
  let calls = 0;
  for (let i = 0; i < STORIES; i++) {
    const { failures, phases, ...told } = await story();
    calls += told.calls;
    expect(failures).toEqual([]);
    // The first calls of a phase may still be those of the phase before.
    expect(phases[0]).toEqual(["a", "b", "c", "d"]);
    expect(phases[3]).toEqual(expect.arrayContaining(["x", "y"]));
    expect(phases[5]).toEqual(expect.arrayContaining(["p", "q", "r"]));
  }
  expect(calls).toBeGreaterThan(STORIES * 6 * CALLS);
});
