import { Code, createClient } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { type BalancedTransportOptions, callReport, createBalancedTransport } from "../../src/node.ts";
import { rejection } from "../support/endpoint-client.ts";
import { type FaultyServer, startFaultyServer } from "../support/faulty-server.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { startEchoServer } from "../support/servers.ts";

// What was under way at one server is repeated at the others when that server is lost, however much it was.

function clientOf(ports: readonly number[], options: Partial<BalancedTransportOptions> = {}) {
  const transport = createBalancedTransport({
    target: `static:///${ports.map((port) => `127.0.0.1:${port}`).join(",")}`,
    tls: false,
    ...options,
  });
  return { transport, client: createClient(EchoService, transport) };
}

describe.each([
  ["connect", "2"],
  ["grpc", "2"],
  ["connect", "1.1"],
] as const)("%s over HTTP/%s", (protocol, httpVersion) => {
  test.each([9, 30, 90, 300])("one of three servers is killed with %i calls in flight", async (inFlight) => {
    const servers = await Promise.all([1, 2, 3].map(() => startEchoServer({ httpVersion })));
    const { client, transport } = clientOf(
      servers.map(({ port }) => port),
      { protocol, httpVersion },
    );
    // Traffic of that size, and good.
    for (let i = 0; i < 3; i++) await Promise.all(Array.from({ length: inFlight }, () => client.get({})));
    const before = servers.reduce((sum, { calls }) => sum + calls, 0);
    const calls = Array.from({ length: inFlight }, () => client.get({ delayMs: 300 }));
    await expect.poll(() => servers.reduce((sum, { active }) => sum + active, 0), { interval: 5 }).toBe(inFlight);
    const lost = servers[0]?.active ?? 0;
    servers[0]?.kill();
    await Promise.all(calls);
    const executions = servers.reduce((sum, server) => sum + server.calls, 0) - before;
    expect(lost).toBeGreaterThan(0);
    expect(executions).toBe(inFlight + lost);
    expect(transport.snapshot().retryBudget.debt).toBeLessThanOrEqual(lost);
    for (const server of servers) server.kill();
  });
});

test("a process at rest repeats hardly any calls, however many it starts at once", async () => {
  const failing = (): Promise<FaultyServer> =>
    startFaultyServer({ httpVersion: "2", onRequest: ({ stream }) => stream?.session?.destroy() });
  using one = await failing();
  using two = await failing();
  const { client } = clientOf([one.port, two.port], { retry: { baseDelayMs: 1 } });
  const errors = await Promise.all(Array.from({ length: 100 }, () => rejection(client.get({}))));
  expect(errors).toMatchObject(Array(100).fill({ code: Code.Unavailable }));
  const attempts = errors.reduce((sum, error) => sum + (callReport(error)?.attempts.length ?? 0), 0);
  // Four, and a fifth where the failures are milliseconds apart, which pay for it.
  expect(attempts).toBeLessThanOrEqual(105);
});
