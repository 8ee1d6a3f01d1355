import { constants } from "node:http2";
import { setTimeout as sleep } from "node:timers/promises";
import { Code, createClient } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { type BalancedTransportOptions, createBalancedTransport } from "../../src/node.ts";
import { startFaultyRelay } from "../support/faulty-relay.ts";
import { type FaultyRequest, startFaultyServer } from "../support/faulty-server.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { startEchoServer } from "../support/servers.ts";

// Many calls that share one connection share its fate: more of them than the retry budget would pay for.

function clientOf(port: number, options: Partial<BalancedTransportOptions> = {}) {
  const transport = createBalancedTransport({ target: `static:///127.0.0.1:${port}`, tls: false, ...options });
  return { client: createClient(EchoService, transport), transport };
}

describe.each(["connect", "grpc"] as const)("%s", (protocol) => {
  test.each([1, 2, 10, 100])(
    "200 first calls at once, to a server that takes %i at a time",
    async (maxConcurrentStreams) => {
      await using server = await startEchoServer({ httpVersion: "2", maxConcurrentStreams });
      const { client, transport } = clientOf(server.port, { protocol });
      await Promise.all(Array.from({ length: 200 }, () => client.post({})));
      expect(server.calls).toBe(200);
      expect(server.connections).toBe(1);
      expect(transport.snapshot().retryBudget.debt).toBe(0);
    },
  );
});

/** Does a fault to the first requests, until a burst of them has been read. */
function firstBurst(size: number, fault: (request: FaultyRequest) => void) {
  return (request: FaultyRequest): void => {
    if (request.number <= size) fault(request);
    else request.answer();
  };
}

const BURST = 50;

test("a burst that a server refuses is replayed, of any method and at no cost", async () => {
  const refuse = ({ stream }: FaultyRequest) => stream?.close(constants.NGHTTP2_REFUSED_STREAM);
  using server = await startFaultyServer({ httpVersion: "2", onRequest: firstBurst(BURST, refuse) });
  const { client, transport } = clientOf(server.port);
  await Promise.all(Array.from({ length: BURST }, () => client.post({})));
  expect(server.executions).toEqual({ post: BURST });
  expect(transport.snapshot().retryBudget.debt).toBe(0);
});

test("a server that refuses everything is asked once more for each call, and no further once the budget is spent", async () => {
  const refuse = ({ stream }: FaultyRequest) => stream?.close(constants.NGHTTP2_REFUSED_STREAM);
  using server = await startFaultyServer({ httpVersion: "2", onRequest: refuse });
  const { client } = clientOf(server.port, { retry: { baseDelayMs: 0 } });
  for (let i = 0; i < BURST; i++) await client.get({}).catch(() => {});
  expect(server.requests).toBeGreaterThan(2 * BURST);
  expect(server.requests).toBeLessThanOrEqual(2 * BURST + 4);
});

test("a burst that a GOAWAY leaves out goes to a new connection", async () => {
  const seen: FaultyRequest[] = [];
  const leaveOut = (request: FaultyRequest) => {
    seen.push(request);
    if (seen.length === BURST) request.stream?.session?.goaway(constants.NGHTTP2_NO_ERROR, 1);
    if (request.number === 1) request.answer();
  };
  using server = await startFaultyServer({ httpVersion: "2", onRequest: firstBurst(BURST, leaveOut) });
  const { client, transport } = clientOf(server.port);
  await Promise.all(Array.from({ length: BURST }, () => client.post({})));
  expect(server.executions).toEqual({ post: BURST });
  expect(server.connections).toBe(2);
  expect(transport.snapshot().retryBudget.debt).toBe(0);
});

describe("a burst of first calls after a gap, on a connection that is gone,", () => {
  const gap = { connection: { verifyAfterMs: 20 } };

  test.each(["silence", "reset"] as const)("by %s, HTTP/2", async (how) => {
    await using server = await startEchoServer({ httpVersion: "2" });
    await using relay = await startFaultyRelay(server);
    const { client, transport } = clientOf(relay.port, gap);
    await client.get({});
    await sleep(150);
    if (how === "silence") relay.silence();
    else relay.resetOnData();
    await Promise.all(Array.from({ length: BURST }, () => client.get({})));
    expect(server.calls).toBe(1 + BURST);
    expect(relay.connections).toBe(2);
    expect(transport.snapshot().endpoints[0]).toMatchObject({ breaker: "closed", load: 0 });
    expect(transport.snapshot().retryBudget.debt).toBe(0);
  });

  test("by reset, HTTP/1.1", async () => {
    await using server = await startEchoServer({ httpVersion: "1.1" });
    await using relay = await startFaultyRelay(server);
    const { client, transport } = clientOf(relay.port, { httpVersion: "1.1" });
    await Promise.all(Array.from({ length: BURST }, () => client.get({})));
    await sleep(150);
    relay.resetOnData();
    await Promise.all(Array.from({ length: BURST }, () => client.get({})));
    expect(server.calls).toBe(2 * BURST);
    expect(transport.snapshot().endpoints[0]).toMatchObject({ breaker: "closed", load: 0 });
    expect(transport.snapshot().retryBudget.debt).toBe(0);
  });
});

test("a call that must not be repeated fails as lost on a connection that was gone, HTTP/1.1", async () => {
  await using server = await startEchoServer({ httpVersion: "1.1" });
  await using relay = await startFaultyRelay(server);
  const { client } = clientOf(relay.port, { httpVersion: "1.1" });
  await client.post({});
  await sleep(150);
  relay.resetOnData();
  await expect(client.post({})).rejects.toMatchObject({
    code: Code.Unavailable,
    rawMessage: "the connection to the server was lost",
  });
});

test("calls on a connection that falls silent wait for it where there is no other server", async () => {
  await using server = await startEchoServer({ httpVersion: "2" });
  await using relay = await startFaultyRelay(server);
  const { client } = clientOf(relay.port);
  await client.get({});
  relay.pause();
  const calls = Array.from({ length: 20 }, () => client.get({}));
  await sleep(1_900);
  relay.resume();
  await Promise.all(calls);
  expect(relay.connections).toBe(1);
  expect(server.calls).toBe(1 + 20);
});

test.each(["connect", "grpc"] as const)(
  "calls that pass their deadlines do not cost others theirs, %s",
  async (protocol) => {
    await using server = await startEchoServer({ httpVersion: "2" });
    const { client } = clientOf(server.port, { protocol, retry: false });
    await client.get({});
    const slow = Array.from({ length: 5 }, () => client.post({ delayMs: 4_000, text: "slow" }));
    let late = 0;
    for (let batch = 0; batch < 24; batch++) {
      const calls = Array.from({ length: 100 }, () => client.get({ delayMs: 60_000 }, { timeoutMs: 60 }));
      for (const { status } of await Promise.allSettled(calls)) if (status === "rejected") late += 1;
    }
    expect(late).toBe(2_400);
    expect((await Promise.all(slow)).map(({ text }) => text)).toEqual(Array(5).fill("slow"));
  },
);
