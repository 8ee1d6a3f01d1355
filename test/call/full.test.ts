import { createClient } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { type BalancedTransportEvent, type BalancedTransportOptions, createBalancedTransport } from "../../src/node.ts";
import { startFaultyRelay } from "../support/faulty-relay.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { startEchoServer } from "../support/servers.ts";

// Servers that allow few streams on a connection, and streams that are open for long (MAX_CONCURRENT_STREAMS).

function clientOf(servers: readonly { readonly port: number }[], options: Partial<BalancedTransportOptions> = {}) {
  const events: BalancedTransportEvent[] = [];
  const target = `static:///${servers.map(({ port }) => `127.0.0.1:${port}`).join(",")}`;
  const transport = createBalancedTransport({
    target,
    tls: false,
    onEvent: (event) => void events.push(event),
    ...options,
  });
  return { client: createClient(EchoService, transport), transport, events };
}

/** Opens streams that stay open until the test's end. */
async function subscribe({ client }: ReturnType<typeof clientOf>, count: number, signal: AbortSignal): Promise<void> {
  for (let i = 0; i < count; i++) {
    const messages = client.serverStream({ count: 2, intervalMs: 600_000 }, { signal });
    const reader = messages[Symbol.asyncIterator]();
    await reader.next();
    // What nobody holds would be collected, and its stream be ended.
    signal.addEventListener("abort", () => void reader);
  }
}

describe.each(["connect", "grpc"] as const)("a server that allows 10 streams on a connection, %s", (protocol) => {
  test("whose streams are taken is passed over while another one has room", async () => {
    await using one = await startEchoServer({ name: "one", httpVersion: "2", maxConcurrentStreams: 10 });
    await using other = await startEchoServer({ name: "other", httpVersion: "2" });
    using end = endOfTest();
    const balanced = clientOf([one, other], { protocol, picker: "round-robin" });
    await balanced.transport.warmUp();
    await subscribe(balanced, 20, end.signal);
    for (let call = 0; call < 20; call++) expect((await balanced.client.post({})).server).toBe("other");
    expect([one.connections, other.connections]).toEqual([1, 1]);
    expect(balanced.transport.snapshot().serving).toMatchObject({ mode: "eligible" });
  });

  test("gets another connection where no other has room, and no more than four", async () => {
    await using server = await startEchoServer({ httpVersion: "2", maxConcurrentStreams: 10 });
    using end = endOfTest();
    const balanced = clientOf([server], { protocol });
    for (const [streams, connections] of [
      [10, 1],
      [1, 2],
      [9, 2],
      [10, 3],
      [9, 4],
    ] as const) {
      await subscribe(balanced, streams, end.signal);
      expect(server.connections).toBe(connections);
    }
    // One place is left.
    await balanced.client.post({});
    // Its stream is closed a moment after its answer.
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(balanced.events.map(({ type }) => type)).not.toContain("full");
    const calls = ["first", "second", "third"].map((text) => balanced.client.post({ text, delayMs: 100 }));
    expect(balanced.events.map(({ type }) => type)).toContain("full");
    expect((await Promise.all(calls)).map(({ text }) => text)).toEqual(["first", "second", "third"]);
    expect(server.connections).toBe(4);
  });

  test("keeps what is under way on its first connection when it gets another", async () => {
    await using server = await startEchoServer({ httpVersion: "2", maxConcurrentStreams: 10 });
    const balanced = clientOf([server], { protocol });
    await balanced.client.post({});
    const slow = Array.from({ length: 10 }, () => balanced.client.post({ delayMs: 300, text: "slow" }));
    await expect.poll(() => server.active, { interval: 2 }).toBe(10);
    const startedAt = performance.now();
    await balanced.client.post({});
    expect(performance.now() - startedAt).toBeLessThan(250);
    expect((await Promise.all(slow)).map(({ text }) => text)).toEqual(Array(10).fill("slow"));
    expect(server.connections).toBe(2);
  });

  test("that takes no other connection is not blamed: calls wait for their turn", async () => {
    await using server = await startEchoServer({ httpVersion: "2", maxConcurrentStreams: 2 });
    await using relay = await startFaultyRelay(server);
    const balanced = clientOf([relay], { protocol });
    await balanced.client.post({});
    await relay.refuse();
    const calls = Array.from({ length: 6 }, (_, call) => balanced.client.post({ text: `${call}`, delayMs: 30 }));
    expect((await Promise.all(calls)).map(({ text }) => text)).toEqual(["0", "1", "2", "3", "4", "5"]);
    expect(balanced.transport.snapshot().endpoints).toMatchObject([{ breaker: "closed", inFlight: 0 }]);
    expect(balanced.events.map(({ type }) => type)).toContain("full");
  });

  test("a call that waits for its turn ends with its deadline", async () => {
    await using server = await startEchoServer({ httpVersion: "2", maxConcurrentStreams: 1 });
    using end = endOfTest();
    const balanced = clientOf([server], { protocol });
    await subscribe(balanced, 4, end.signal);
    await expect(balanced.client.post({}, { timeoutMs: 100 })).rejects.toMatchObject({ rawMessage: /timed out/ });
    expect(balanced.transport.snapshot().endpoints).toMatchObject([{ breaker: "closed", inFlight: 4 }]);
  });
});

function endOfTest(): AbortController & Disposable {
  const controller = new AbortController();
  return Object.assign(controller, { [Symbol.dispose]: () => controller.abort() });
}
