import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import { createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ConsulAgent } from "../../examples/consul/agent.ts";
import { type Backend, endAll, startBackend } from "../../examples/demo/fleet.ts";
import { UserService } from "../../examples/quickstart/gen/users_pb.ts";
import { createBalancedTransport } from "../../src/node.ts";
import { type ConsulCluster, startConsulCluster } from "./consul-cluster.ts";
import { register, schemes, setCheck } from "./consul-services.ts";

// The two clients call, with their defaults, while everything that can happen to a cluster happens to it; the servers are
// processes of their own, as the agents are. This test is about the wall clock: Consul has one.

const SECONDS = 60;
const CALLS_PER_SECOND = 200;
/** Consul's TTL is 0, which the directory raises to this. */
const TTL_MS = 5_000;

let cluster: ConsulCluster;
const servers = new Map<string, Backend>();

beforeAll(async () => {
  cluster = await startConsulCluster();
}, 600_000);
afterAll(async () => {
  endAll();
  await cluster?.[Symbol.asyncDispose]();
});

interface Sent {
  readonly atMs: number;
  readonly server?: string;
  readonly error?: unknown;
}

test(
  `${CALLS_PER_SECOND} calls/s for ${SECONDS} s while instances, the leader and an agent go: none fails`,
  async () => {
    const [c1, c2] = cluster.clients as [ConsulAgent, ConsulAgent];
    const arrive = async (agent: ConsulAgent, name: string) => {
      servers.set(name, await startBackend(name));
      await register(agent, "users", name, { Port: servers.get(name)?.port });
    };
    for (const name of ["a", "b", "c", "d"]) await arrive(c1, name);
    for (const name of ["e", "f"]) await arrive(c2, name);
    const leader = await cluster.leader();
    await arrive(leader, "g");

    const clients = Object.entries(schemes).map(([scheme, targetOf]) => {
      // The agent that will die is the one that is asked first.
      const transport = createBalancedTransport({ target: `${targetOf(c2, c1)}/users`, tls: false });
      const users = createClient(UserService, transport);
      return { scheme, sent: [] as Sent[], call: () => users.getUser({ userId: "1" }, { timeoutMs: 5_000 }) };
    });
    const events: { readonly atMs: number; readonly what: string }[] = [];
    const startedAt = performance.now();
    const nowMs = () => performance.now() - startedAt;
    const at = async (second: number, what: string, happen: () => unknown) => {
      await sleep(second * 1_000 - nowMs());
      await happen();
      events.push({ atMs: nowMs(), what });
    };

    const timeline = (async () => {
      await at(3, "a is critical", () => setCheck(c1, "a", "fail"));
      await at(6, "b crashes", () => servers.get("b")?.kill());
      await at(7, "b is critical", () => setCheck(c1, "b", "fail"));
      await at(9, "d is in maintenance", () => c1.put("/v1/agent/service/maintenance/d?enable=true"));
      await at(12, "c leaves", () => c1.put("/v1/agent/service/deregister/c"));
      await at(14, "h arrives", () => arrive(c1, "h"));
      await at(17, "a passes", () => setCheck(c1, "a", "pass"));
      await at(20, "the leader dies", () => leader.kill());
      await at(24, "c has ended", () => servers.get("c")?.stop());
      // Registering anew keeps a check's state.
      await at(26, "b is back", () => arrive(c1, "b").then(() => setCheck(c1, "b", "pass")));
      await at(30, "d is back", () => c1.put("/v1/agent/service/maintenance/d?enable=false"));
      await at(34, "the agent that is asked dies", () => c2.kill());
      await at(36, "i arrives", () => arrive(c1, "i"));
      await at(40, "h is critical", () => setCheck(c1, "h", "fail"));
      await at(42, "e crashes", () => servers.get("e")?.kill());
      await at(45, "the dead server is back", () => leader.start());
      await at(50, "the agent is back", () => c2.start());
      await at(52, "j arrives", () => arrive(c1, "j"));
    })();
    await Promise.all([timeline, ...clients.map(({ sent, call }) => callSteadily(sent, call, nowMs))]);

    const times = new Map(events.map(({ what, atMs }) => [what, atMs]));
    const between = (sent: readonly Sent[], name: string, from: string, to?: string) => {
      const [lowMs, highMs] = [
        (times.get(from) as number) + TTL_MS + 1_000,
        to === undefined ? Infinity : times.get(to),
      ];
      return sent.filter(({ atMs, server }) => server === name && atMs > lowMs && atMs < (highMs as number));
    };
    for (const { scheme, sent } of clients) {
      expect(sent.length, scheme).toBeGreaterThan(SECONDS * CALLS_PER_SECOND * 0.99);
      expect(
        sent.filter(({ error }) => error !== undefined),
        scheme,
      ).toEqual([]);
      expect(between(sent, "a", "a is critical", "a passes"), `${scheme}: a`).toEqual([]);
      expect(between(sent, "b", "b is critical", "b is back"), `${scheme}: b`).toEqual([]);
      expect(between(sent, "d", "d is in maintenance", "d is back"), `${scheme}: d`).toEqual([]);
      expect(between(sent, "c", "c leaves"), `${scheme}: c`).toEqual([]);
      expect(between(sent, "h", "h is critical"), `${scheme}: h`).toEqual([]);
      // Whoever has come, or come back, gets calls.
      for (const [name, since] of [
        ["h", "h arrives"],
        ["i", "i arrives"],
        ["j", "j arrives"],
        ["a", "a passes"],
        ["b", "b is back"],
        ["d", "d is back"],
      ] as const) {
        const calls = sent.filter(({ atMs, server }) => server === name && atMs > (times.get(since) as number));
        expect(calls.length, `${scheme}: ${name}`).toBeGreaterThan(20);
      }
    }
  },
  (SECONDS + 60) * 1_000,
);

/** Open loop: what is slow does not keep the next call back. */
async function callSteadily(
  sent: Sent[],
  call: () => Promise<{ readonly servedBy: string }>,
  nowMs: () => number,
): Promise<void> {
  const running = new Set<Promise<void>>();
  for (let due = 0; due < SECONDS * 1_000; due += 1_000 / CALLS_PER_SECOND) {
    const early = due - nowMs();
    // Where the machine was too slow, what has arrived is looked at before the next call, as in a server's process.
    await (early > 0 ? sleep(early) : turn());
    const atMs = nowMs();
    const one: Promise<void> = call()
      .then(({ servedBy }) => void sent.push({ atMs, server: servedBy }))
      .catch((error: unknown) => void sent.push({ atMs, error }))
      .finally(() => running.delete(one));
    running.add(one);
  }
  await Promise.all(running);
}
