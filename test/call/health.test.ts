import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { expect, test, vi } from "vitest";
import {
  type BalancedTransportEvent,
  type BalancedTransportOptions,
  callReport,
  createBalancedTransport,
} from "../../src/node.ts";
import { rejection } from "../support/endpoint-client.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { type ScriptedServer, startScriptedServer } from "../support/scripted-server.ts";
import { shiftedClock } from "../support/shifted-clock.ts";

// What the end of an attempt says of its endpoint, seen from outside: which servers get the calls that follow.

/** In the order of the list: the first one that may be picked. */
const inOrder: NonNullable<BalancedTransportOptions["picker"]> = ([first]) => ({
  pick: () => first as NonNullable<typeof first>,
});

function clientOf(servers: readonly ScriptedServer[], options: Partial<BalancedTransportOptions> = {}) {
  const events: BalancedTransportEvent[] = [];
  const transport = createBalancedTransport({
    target: `static:///${servers.map(({ port }) => `127.0.0.1:${port}`).join(",")}`,
    tls: false,
    picker: inOrder,
    breaker: { consecutiveFailures: 1 },
    onEvent: (event) => void events.push(event),
    ...options,
  });
  const ejected = () => events.filter(({ type }) => type === "ejected").length;
  return { client: createClient(EchoService, transport), transport, ejected };
}

/** A server that fails, hangs or answers, as a test says for each execution. */
async function startChanging() {
  const state = { does: "fail" as "fail" | "hang" | "answer" };
  const server = await startScriptedServer(async (_, { signal }) => {
    if (state.does === "fail") throw new ConnectError("broken", Code.Internal);
    if (state.does === "hang") await new Promise((resolve) => signal.addEventListener("abort", resolve));
  });
  return Object.assign(state, { server, [Symbol.dispose]: () => server[Symbol.dispose]() });
}

test("while the one probe of an ejected endpoint is under way, no other call goes there", async () => {
  using changing = await startChanging();
  using other = await startScriptedServer(() => {});
  using clock = shiftedClock();
  const { client } = clientOf([changing.server, other]);
  await rejection(client.post({}));
  clock.aheadMs = 60_000;
  changing.does = "hang";
  const controller = new AbortController();
  const probe = rejection(client.post({}, { signal: controller.signal }));
  await vi.waitFor(() => expect(changing.server.calls).toBe(2), { interval: 2 });
  for (let i = 0; i < 5; i++) await client.post({});
  expect([changing.server.calls, other.calls]).toEqual([2, 5]);
  controller.abort();
  await probe;
});

test("a probe that its caller aborts leaves the endpoint to the next call", async () => {
  using changing = await startChanging();
  using other = await startScriptedServer(() => {});
  using clock = shiftedClock();
  const { client, transport } = clientOf([changing.server, other]);
  await rejection(client.post({}));
  clock.aheadMs = 60_000;
  changing.does = "hang";
  const controller = new AbortController();
  const probe = rejection(client.post({}, { signal: controller.signal }));
  await vi.waitFor(() => expect(changing.server.calls).toBe(2), { interval: 2 });
  // The view of the endpoints is made while the probe is under way.
  await client.post({});
  controller.abort();
  await probe;
  changing.does = "answer";
  await client.post({});
  expect([changing.server.calls, other.calls]).toEqual([3, 1]);
  await vi.waitFor(() => expect(transport.snapshot().endpoints[0]?.breaker).toBe("closed"), { interval: 2 });
});

test("the failures that come after an endpoint was ejected do not make it look slow when it returns", async () => {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  using server = await startScriptedServer(async (execution) => {
    if (execution > 1) await released;
    throw new ConnectError("broken", Code.Internal);
  });
  const { client, transport, ejected } = clientOf([server], { breaker: { consecutiveFailures: 1 } });
  await transport.warmUp();
  const first = rejection(client.post({}));
  const late = [rejection(client.post({})), rejection(client.post({}))];
  await first;
  await vi.waitFor(() => expect(ejected()).toBe(1), { interval: 2 });
  expect(server.calls).toBe(3);
  release();
  await Promise.all(late);
  expect(transport.snapshot().endpoints[0]).toMatchObject({ load: 0, inFlight: 0, breaker: "ejected" });
  expect(ejected()).toBe(1);
});

test("an error of the application's is neither a failure nor a success", async () => {
  const codes = [
    Code.Internal,
    Code.InvalidArgument,
    Code.Internal,
    Code.NotFound,
    Code.PermissionDenied,
    Code.Internal,
  ];
  using server = await startScriptedServer((execution) => {
    throw new ConnectError("as the script says", codes[execution - 1] as Code);
  });
  const { client, ejected } = clientOf([server], { breaker: { consecutiveFailures: 3 } });
  const seen: number[] = [];
  for (const _ of codes) {
    await rejection(client.post({}));
    seen.push(ejected());
  }
  expect(seen).toEqual([0, 0, 0, 0, 0, 1]);
});

test("retries of a code that says nothing of the server are paid for like any", async () => {
  using server = await startScriptedServer(() => {
    throw new ConnectError("conflict", Code.Aborted);
  });
  const { client, transport, ejected } = clientOf([server], { retry: { codes: [Code.Aborted], baseDelayMs: 0 } });
  await rejection(client.get({}));
  expect(server.calls).toBe(3);
  expect(transport.snapshot().retryBudget.debt).toBeGreaterThan(1);
  // Of forty retries that the calls would make, a few.
  for (let i = 0; i < 20; i++) await rejection(client.get({}));
  expect(server.calls).toBeLessThan(23 + 10);
  expect(ejected()).toBe(0);
});

test.each(["connect", "grpc"] as const)(
  "an attempt that takes longer than attemptTimeoutMs is given up for another server: %s",
  async (protocol) => {
    using changing = await startChanging();
    changing.does = "hang";
    using other = await startScriptedServer(() => {});
    const { client, transport } = clientOf([changing.server, other], { protocol, attemptTimeoutMs: 200 });
    await transport.warmUp();
    await client.get({});
    expect([changing.server.calls, other.calls]).toEqual([1, 1]);
    expect(transport.snapshot().endpoints.map(({ breaker }) => breaker)).toEqual(["ejected", "closed"]);
  },
);

test("an attempt that takes longer is not repeated where that may not be, and its report says so", async () => {
  using changing = await startChanging();
  changing.does = "hang";
  using other = await startScriptedServer(() => {});
  const { client, transport } = clientOf([changing.server, other], { attemptTimeoutMs: 200 });
  await transport.warmUp();
  const error = await rejection(client.post({}));
  expect(error).toMatchObject({ code: Code.DeadlineExceeded });
  expect(callReport(error)?.attempts).toMatchObject([{ outcome: "ambiguous", code: Code.DeadlineExceeded }]);
  expect([changing.server.calls, other.calls]).toEqual([1, 0]);
});
