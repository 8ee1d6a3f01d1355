import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { type BalancedTransportOptions, callReport, createBalancedTransport, type Resolution } from "../../src/node.ts";
import { closedPort } from "../support/closed-port.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { type ScriptedServer, startScriptedServer } from "../support/scripted-server.ts";
import { type EchoServer, startEchoServer } from "../support/servers.ts";
import { shiftedClock } from "../support/shifted-clock.ts";

// What could succeed, succeeds: a request that never left goes wherever a server may answer, before it fails.

const wires = [
  ["connect", "2"],
  ["grpc", "2"],
  ["connect", "1.1"],
] as const;

/** Two tiers where `standbys` are given. */
function clientOf(ports: readonly number[], standbys: readonly number[], options: Partial<BalancedTransportOptions>) {
  const spec = (tier: number) => (port: number) => ({ address: "127.0.0.1", port, tier });
  const endpoints = [...ports.map(spec(0)), ...standbys.map(spec(1))];
  const resolve = async (): Promise<Resolution> => ({ kind: "endpoints", endpoints, ttlMs: 60_000 });
  const transport = createBalancedTransport({
    target: { target: "servers", authority: "users.test", resolve },
    tls: false,
    ...options,
  });
  return { transport, client: createClient(EchoService, transport) };
}

describe.each(wires)("%s over HTTP/%s", (protocol, httpVersion) => {
  test("one server is dead, and the other, ejected for its answers, is well again: no call fails", async () => {
    let broken = true;
    using other: ScriptedServer = await startScriptedServer(() => {
      if (broken) throw new ConnectError("broken", Code.Internal);
    }, httpVersion);
    const { client, transport } = clientOf([await closedPort(), other.port], [], { protocol, httpVersion });
    while (transport.snapshot().endpoints.filter(({ breaker }) => breaker !== "closed").length < 2) {
      await client.post({}).catch(() => {});
    }
    broken = false;
    const before = other.calls;
    for (let i = 0; i < 30; i++) await client.post({});
    expect(other.calls - before).toBe(30);
  });

  test("a dead server's trial becomes due while a call fails to reach it: the one ejected for its answers is tried", async () => {
    let broken = true;
    using other: ScriptedServer = await startScriptedServer(() => {
      if (broken) throw new ConnectError("broken", Code.Internal);
    }, httpVersion);
    using clock = shiftedClock();
    const { client, transport } = clientOf([await closedPort(), other.port], [], {
      protocol,
      httpVersion,
      picker: (candidates) => ({ pick: () => candidates[0] as (typeof candidates)[number] }),
    });
    const breakers = () => transport.snapshot().endpoints.map(({ breaker }) => breaker);
    do await client.post({}).catch(() => {});
    while (breakers().includes("closed"));
    broken = false;
    const call = client.post({});
    // A refused server is out for 1.5 s at most, one that answered badly for 2.5 s at least.
    clock.aheadMs = 1_600;
    expect(breakers()).toEqual(["half-open", "ejected"]);
    await call;
  });

  test("all servers are half-open after they were away: no call fails, at once or one by one", async () => {
    const servers = await Promise.all([1, 2, 3].map(() => startEchoServer({ httpVersion })));
    using clock = shiftedClock();
    const ports = servers.map(({ port }) => port);
    const { client, transport } = clientOf(ports, [], { protocol, httpVersion, picker: "round-robin" });
    await client.post({});
    for (const server of servers) server.kill();
    await Promise.all(servers.map((server) => server.close()));
    for (let i = 0; i < 4; i++) await client.post({}).catch(() => {});
    expect(transport.snapshot().endpoints.map(({ breaker }) => breaker)).toEqual(Array(3).fill("ejected"));
    // One of them comes back; the others are still down.
    await using back = await startEchoServer({ httpVersion, port: ports[1] as number });
    clock.aheadMs = 120_000;
    expect(transport.snapshot().endpoints.map(({ breaker }) => breaker)).toEqual(Array(3).fill("half-open"));
    await Promise.all(Array.from({ length: 10 }, () => client.post({})));
    for (let i = 0; i < 10; i++) await client.post({});
    expect(back.calls).toBe(20);
  });

  // A server may end an idle connection of HTTP/1.1 just as a request is sent on it: only what may be repeated survives.
  const method = httpVersion === "2" ? "post" : "get";
  test("a whole tier shuts down gracefully at once, under load, with standbys behind it: no call fails", async () => {
    for (let round = 0; round < 5; round++) {
      const servers = await Promise.all([1, 2, 3, 4].map(() => startEchoServer({ httpVersion })));
      const [standby] = servers.splice(3) as [EchoServer];
      const { client, transport } = clientOf(
        servers.map(({ port }) => port),
        [standby.port],
        { protocol, httpVersion },
      );
      await client.post({});
      let isOver = false;
      const failures: unknown[] = [];
      const callers = Array.from({ length: 20 }, async () => {
        while (!isOver) await client[method]({}).catch((error) => failures.push(callReport(error)));
      });
      await expect.poll(() => servers.every(({ calls }) => calls > 5), { interval: 1, timeout: 8_000 }).toBe(true);
      for (const server of servers) void server.close();
      const before = standby.calls;
      await expect.poll(() => standby.calls - before, { interval: 1, timeout: 8_000 }).toBeGreaterThanOrEqual(40);
      isOver = true;
      await Promise.all(callers);
      expect(failures).toEqual([]);
      transport.close();
      standby.kill();
      for (const server of servers) server.kill();
    }
  });
});
