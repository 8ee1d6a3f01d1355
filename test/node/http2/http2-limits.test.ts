import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { endpointClient, manualClock, rejection } from "../../support/endpoint-client.ts";
import { startFaultyRelay } from "../../support/faulty-relay.ts";
import { startEchoServer } from "../../support/servers.ts";

// How often a connection is asked by PING, and how old it may become.

const unrepeatable = { signal: new AbortController().signal, canRetry: false };

/** Longer than the 1 s after which a connection is verified, and shorter than the idle limit. */
const GAP_MS = 2_000;

/** What is sent on loopback has been answered. */
async function answered(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** No limit passes by itself: a PING has 50 ms, which a busy machine may take. */
const withoutTimers = () => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
afterEach(() => void vi.useRealTimers());

describe("PINGs since the server last sent data: at most two over gRPC, whose servers close at the third", () => {
  beforeEach(withoutTimers);

  test("an idle connection that would need another one is replaced", async () => {
    await using server = await startEchoServer({ httpVersion: "2" });
    const clock = manualClock();
    const { client, transport } = endpointClient({ port: server.port, protocol: "grpc", clock });
    await client.get({});
    const seen: number[][] = [];
    for (let gap = 0; gap < 6; gap++) {
      clock.time += GAP_MS;
      await transport.connect?.(clock.now(), unrepeatable);
      seen.push([server.pings, server.connections]);
    }
    expect(seen).toEqual([
      [1, 1],
      [2, 1],
      [2, 2],
      [3, 2],
      [4, 2],
      [4, 3],
    ]);
  });

  test("a response allows two more", async () => {
    await using server = await startEchoServer({ httpVersion: "2" });
    const clock = manualClock();
    const { client, transport } = endpointClient({ port: server.port, protocol: "grpc", clock });
    for (let response = 0; response < 3; response++) {
      await client.get({});
      for (let gap = 0; gap < 2; gap++) {
        clock.time += GAP_MS;
        await transport.connect?.(clock.now(), unrepeatable);
      }
    }
    expect([server.pings, server.connections]).toEqual([6, 1]);
  });

  test("while a call waits for a slow server", async () => {
    await using server = await startEchoServer({ httpVersion: "2" });
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
    const { client, connect } = endpointClient({ port: server.port, protocol: "grpc" });
    await connect();
    const controller = new AbortController();
    const slow = rejection(client.get({ delayMs: 600_000 }, { signal: controller.signal }));
    await expect.poll(() => server.active).toBe(1);
    // One would be sent after 1, 2, 4 and 8 s of silence.
    for (let second = 0; second < 20; second++) {
      await vi.advanceTimersByTimeAsync(1_000);
      await answered();
    }
    expect([server.pings, server.connections]).toEqual([2, 1]);
    controller.abort();
    await slow;
  });
});

test("after a message, a second of silence is a first one again", async () => {
  await using server = await startEchoServer({ httpVersion: "2" });
  const { client, connect } = endpointClient({ port: server.port });
  await connect();
  // PINGs after 1 s, and a second after the first message; two seconds after it if the silence before it counted.
  for await (const _ of client.serverStream({ delayMs: 2_200, count: 2, intervalMs: 1_500 }));
  expect(server.pings).toBe(2);
});

test("no PING is sent for a call that waits while others are answered", async () => {
  await using server = await startEchoServer({ httpVersion: "2" });
  const clock = manualClock();
  const { client } = endpointClient({ port: server.port, clock });
  const controller = new AbortController();
  const slow = client.get({ delayMs: 60_000 }, { signal: controller.signal });
  slow.catch(() => {});
  await expect.poll(() => server.active).toBe(1);
  clock.time += 900;
  await client.post({});
  clock.time += 200;
  // The look at the silence comes 1 s after the call; a call after it finds whether a PING went before.
  await sleep(1_100);
  await client.post({});
  expect(server.pings).toBe(0);
  controller.abort();
});

describe("a connection is replaced at an age of its own, a tenth about the limit", () => {
  beforeEach(withoutTimers);

  test.each([
    ["a tenth earlier", 0, 54_000],
    ["on time", 0.5, 60_000],
    ["a tenth later", 1 - Number.EPSILON, 66_000],
  ])("%s", async (_, drawn, ageMs) => {
    await using server = await startEchoServer({ httpVersion: "2" });
    const clock = manualClock();
    const { client, transport } = endpointClient({
      port: server.port,
      clock,
      maxAgeMs: 60_000,
      idleMs: 3_600_000,
      random: () => drawn,
    });
    /** One call, after a gap: most processes have no other. */
    async function callAt(time: number): Promise<void> {
      clock.time = time;
      await transport.connect?.(clock.now(), unrepeatable);
      // By its end, the server has seen a dial that began with it.
      await client.post({});
    }
    const bornAt = clock.time;
    await client.post({});
    await callAt(bornAt + ageMs - 2);
    expect(server.connections).toBe(1);
    await callAt(bornAt + ageMs + 2);
    await expect.poll(() => server.connections).toBe(2);
  });

  test("tried again after 10 s where no other can be made, and not with each call", async () => {
    await using server = await startEchoServer({ httpVersion: "2" });
    await using relay = await startFaultyRelay(server);
    const clock = manualClock();
    const never = { idleMs: 3_600_000, verifyAfterMs: 3_600_000 };
    const { client, transport } = endpointClient({ port: relay.port, clock, maxAgeMs: 60_000, ...never });
    await client.post({});
    relay.resetAtAccept(true);
    async function call(): Promise<void> {
      await transport.connect?.(clock.now(), unrepeatable);
      await client.post({});
    }
    clock.time += 60_001;
    for (let i = 0; i < 10; i++) await call();
    expect(relay.connections).toBe(2);
    clock.time += 10_001;
    for (let i = 0; i < 10; i++) await call();
    expect(relay.connections).toBe(3);
  });
});
