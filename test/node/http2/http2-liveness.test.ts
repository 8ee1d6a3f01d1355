import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { createNodeEndpointTransports } from "../../../src/node/endpoint-transports.ts";
import { systemRuntime } from "../../../src/runtime.ts";
import { endpointClient, manualClock, rejection } from "../../support/endpoint-client.ts";
import { startFaultyRelay } from "../../support/faulty-relay.ts";
import { startEchoServer } from "../../support/servers.ts";

const never = new AbortController().signal;
const calls = {
  "may be repeated": { signal: never, canRetry: true },
  "may not be repeated": { signal: never, canRetry: false },
};

/** Idle for longer than the 1 s after which a connection is verified, and shorter than the idle limit. */
const GAP_MS = 2_000;

describe("verification of a connection that was idle", () => {
  test("keeps one whose server is there", async () => {
    await using server = await startEchoServer({ httpVersion: "2" });
    const clock = manualClock();
    const { client, transport } = endpointClient({ port: server.port, clock });
    await client.get({});
    for (const waiting of Object.values(calls)) {
      clock.time += GAP_MS;
      await transport.connect?.(clock.now(), waiting);
      await client.post({});
    }
    expect(server.connections).toBe(1);
  });

  test("a call that may not be repeated waits for the answer, and is sent once, on a new connection", async () => {
    await using server = await startEchoServer({ httpVersion: "2" });
    await using relay = await startFaultyRelay(server);
    const clock = manualClock();
    const { client, transport } = endpointClient({ port: relay.port, clock });
    await client.post({});
    relay.silence();
    clock.time += GAP_MS;
    const started = performance.now();
    await transport.connect?.(clock.now(), calls["may not be repeated"]);
    expect(performance.now() - started).toBeLessThan(800);
    await client.post({});
    expect(server.callsByMethod).toEqual({ post: 2 });
    expect(relay.connections).toBe(2);
  });

  test("waits as long as round trips take, of which the dial has measured the first", async () => {
    await using server = await startEchoServer({ httpVersion: "2" });
    await using relay = await startFaultyRelay(server);
    for (const [delayMs, atLeastMs, atMostMs] of [
      [0, 45, 300],
      [60, 240, 700],
    ] as const) {
      relay.delayMs = delayMs;
      // Dialling is measured by the clock, so it must run here.
      let offset = 0;
      const clock = { now: () => Date.now() + offset };
      const { client, transport } = endpointClient({ port: relay.port, clock });
      await client.post({});
      relay.silence();
      offset = GAP_MS;
      const started = performance.now();
      relay.delayMs = 0;
      await transport.connect?.(clock.now(), calls["may not be repeated"]);
      expect(performance.now() - started).toBeGreaterThan(atLeastMs);
      expect(performance.now() - started).toBeLessThan(atMostMs);
    }
  });

  test("a call that may be repeated is sent in the same flight, and fails as stale if there is no answer", async () => {
    await using server = await startEchoServer({ httpVersion: "2" });
    await using relay = await startFaultyRelay(server);
    const clock = manualClock();
    const { client, transport, stale } = endpointClient({ port: relay.port, clock });
    await client.get({});
    relay.silence();
    clock.time += GAP_MS;
    const started = performance.now();
    await transport.connect?.(clock.now(), calls["may be repeated"]);
    expect(performance.now() - started).toBeLessThan(50);
    const error = await rejection(client.get({}));
    expect(error.cause).toMatchObject({ code: "ECONNRESET", syscall: "read" });
    expect(stale(error)).toBe(true);
    expect(performance.now() - started).toBeLessThan(800);
    await transport.connect?.(clock.now(), calls["may be repeated"]);
    await client.get({});
    expect(relay.connections).toBe(2);
  });

  test("calls that come while it is under way wait too, unless they may be repeated", async () => {
    await using server = await startEchoServer({ httpVersion: "2" });
    await using relay = await startFaultyRelay(server);
    const clock = manualClock();
    const { client, transport } = endpointClient({ port: relay.port, clock });
    await client.get({});
    relay.delayMs = 5;
    clock.time += GAP_MS;
    await transport.connect?.(clock.now(), calls["may be repeated"]);
    let waited = true;
    const other = transport.connect?.(clock.now(), calls["may not be repeated"]);
    void other?.then(() => {
      waited = false;
    });
    await transport.connect?.(clock.now(), calls["may be repeated"]);
    expect(waited).toBe(true);
    await other;
    expect(transport.connect?.(clock.now(), calls["may not be repeated"])).toBeUndefined();
    expect(relay.connections).toBe(1);
  });

  test("an answer that was read late counts: its timer ran out in a busy or frozen process", async () => {
    await using server = await startEchoServer({ httpVersion: "2" });
    const clock = manualClock();
    const { client, transport } = endpointClient({ port: server.port, clock });
    await client.post({});
    clock.time += GAP_MS;
    const checked = transport.connect?.(clock.now(), calls["may not be repeated"]);
    // The PING is written in the second turn; then nothing is read for longer than its limit.
    await new Promise((resolve) => setImmediate(() => setImmediate(() => setImmediate(resolve))));
    const until = performance.now() + 600;
    while (performance.now() < until);
    await checked;
    await client.post({});
    expect(server.connections).toBe(1);
  });

  test("one that fails condemns what was idle through the same gap, at other endpoints too", async () => {
    await using server = await startEchoServer({ httpVersion: "2" });
    await using one = await startFaultyRelay(server);
    await using two = await startFaultyRelay(server);
    const clock = manualClock();
    const factory = createNodeEndpointTransports({
      protocol: "connect",
      httpVersion: "2",
      interceptors: [],
      idleMs: 50_000,
      verifyAfterMs: 1_000,
      maxAgeMs: Number.POSITIVE_INFINITY,
      clock,
      random: () => 0.5,
      sleep: systemRuntime.sleep,
    });
    const [first, second] = [one, two].map(({ port }) =>
      factory(
        { address: "127.0.0.1", port, verifiedName: "test", metadata: {} },
        {
          baseUrl: `http://127.0.0.1:${port}`,
          verifiedName: "test",
          tls: false,
          connectTimeoutMs: 1_000,
          markNotSent: () => {},
          alternateAddress: () => undefined,
          hasAlternative: () => true,
          connect: {},
        },
      ),
    );
    await Promise.all([first, second].map((transport) => transport?.connect?.(clock.now())));
    one.silence();
    two.silence();
    clock.time += GAP_MS;
    await first?.connect?.(clock.now(), calls["may not be repeated"]);
    const started = performance.now();
    await second?.connect?.(clock.now(), calls["may not be repeated"]);
    expect(performance.now() - started).toBeLessThan(100);
    expect([one.connections, two.connections]).toEqual([2, 2]);
  });
});

describe("age", () => {
  test("a connection over its age is replaced while calls go on, and the old one ends", async () => {
    await using server = await startEchoServer({ httpVersion: "2" });
    const clock = manualClock();
    const { client, transport } = endpointClient({ port: server.port, clock, maxAgeMs: 60_000, idleMs: 3_600_000 });
    await client.get({});
    clock.time += 60_001;
    await transport.connect?.(clock.now(), calls["may be repeated"]);
    const running = client.post({ delayMs: 30, text: "old" });
    expect(transport.connect?.(clock.now(), calls["may be repeated"])).toBeUndefined();
    await expect.poll(() => server.connections).toBe(2);
    await sleep(5);
    await client.get({});
    expect((await running).text).toBe("old");
    expect(server.connections).toBe(2);
  });

  test("a replacement that cannot be made leaves the old connection in use", async () => {
    await using server = await startEchoServer({ httpVersion: "2" });
    await using relay = await startFaultyRelay(server);
    const clock = manualClock();
    const { client, transport } = endpointClient({ port: relay.port, clock, maxAgeMs: 60_000, idleMs: 3_600_000 });
    await client.get({});
    await relay.refuse();
    clock.time += 60_001;
    await transport.connect?.(clock.now(), calls["may be repeated"]);
    for (let i = 0; i < 3; i++) {
      expect(transport.connect?.(clock.now(), calls["may be repeated"])).toBeUndefined();
      await client.get({});
    }
    expect(relay.connections).toBe(1);
  });
});
