import { describe, expect, onTestFinished, test, vi } from "vitest";
import { createTestAuthority } from "../../support/certificates.ts";
import { endpointClient, manualClock, rejection } from "../../support/endpoint-client.ts";
import { startFaultyRelay } from "../../support/faulty-relay.ts";
import { startEchoServer } from "../../support/servers.ts";

const httpVersion = "1.1";
/** A connection is free again some turns of the event loop after the response has been read. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe("idle connections", () => {
  test("are reused within the limit, and replaced beyond it by the clock alone", async () => {
    await using server = await startEchoServer({ httpVersion });
    const clock = manualClock();
    const { client, connect, transport } = endpointClient({ port: server.port, httpVersion, clock });
    await client.get({});
    await settled();
    expect(transport.connect?.(clock.now())).toBeUndefined();
    clock.time += 5_000;
    await connect();
    await client.get({});
    await settled();
    expect(server.connections).toBe(1);
    clock.time += 5_001;
    await connect();
    await client.get({});
    expect(server.connections).toBe(2);
  });

  test("each has its own age: those that a burst left behind go although the endpoint is busy", async () => {
    await using server = await startEchoServer({ httpVersion });
    await using relay = await startFaultyRelay(server);
    const clock = manualClock();
    const { client, connect } = endpointClient({ port: relay.port, httpVersion, clock });
    await Promise.all([1, 2, 3].map(() => client.post({ delayMs: 5 })));
    await settled();
    expect(relay.open).toBe(3);
    for (let i = 0; i < 60; i++) {
      clock.time += 100;
      await connect();
      await client.get({});
    }
    await expect.poll(() => relay.open, { interval: 2 }).toBe(1);
    expect(relay.connections).toBe(3);
  });

  test("one that is closed for its age is not used again, whatever others were free before it", async () => {
    await using server = await startEchoServer({ httpVersion });
    const clock = manualClock();
    const { client, connect } = endpointClient({ port: server.port, httpVersion, clock, maxAgeMs: 10_000 });
    const onOld = client.post({ delayMs: 40 });
    await expect.poll(() => server.active, { interval: 2 }).toBe(1);
    clock.time += 9_950;
    await client.post({});
    // The agent takes the one that became free last, and that is the old one.
    await onOld;
    await settled();
    clock.time += 51;
    await connect();
    await client.post({});
    expect(server.callsByMethod).toEqual({ post: 3 });
    expect(server.connections).toBe(2);
  });

  test("a clock that was set back is a reason to look, not to discard", async () => {
    await using server = await startEchoServer({ httpVersion });
    const clock = manualClock();
    const { client, transport } = endpointClient({ port: server.port, httpVersion, clock });
    await client.get({});
    await settled();
    clock.time -= 3_600_000;
    const check = transport.connect?.(clock.now());
    expect(check).toBeInstanceOf(Promise);
    await check;
    await client.get({});
    expect(server.connections).toBe(1);
  });

  test.each(["fin", "reset"] as const)("%s during a gap: the next call is sent on a new connection", async (fault) => {
    await using server = await startEchoServer({ httpVersion });
    await using relay = await startFaultyRelay(server);
    const clock = manualClock();
    const { client, connect } = endpointClient({ port: relay.port, httpVersion, clock });
    for (let i = 0; i < 20; i++) {
      await client.post({});
      await settled();
      relay[fault]();
      clock.time += 300;
      await connect();
      await client.post({});
    }
    expect(server.callsByMethod).toEqual({ post: 40 });
  });
});

describe("what is marked as not sent", () => {
  test("a connect timeout, a handshake that ends early; not a connection lost afterwards", async () => {
    const authority = await createTestAuthority();
    const tls = await authority.server();
    await using server = await startEchoServer({ httpVersion, tls });
    await using relay = await startFaultyRelay(server);
    const options = { port: relay.port, httpVersion, tls: { ca: authority.ca }, connectTimeoutMs: 10_000 } as const;
    const { client, notSent } = endpointClient(options);

    relay.blackHole(true);
    const ended = rejection(client.post({}));
    await expect.poll(() => relay.open, { interval: 2 }).toBe(1);
    relay.fin();
    expect(notSent(await ended)).toBe(true);

    const late = endpointClient({ ...options, connectTimeoutMs: 20 });
    const error = await rejection(late.client.post({}));
    expect(late.notSent(error)).toBe(true);
    expect(error.cause).toMatchObject({ code: "ETIMEDOUT", syscall: "connect" });

    relay.blackHole(false);
    const running = rejection(client.post({ delayMs: 60_000 }));
    await expect.poll(() => server.active, { interval: 2 }).toBe(1);
    relay.reset();
    expect(notSent(await running)).toBe(false);
  });

  test("the connect timeout does not touch calls that are under way", async () => {
    await using server = await startEchoServer({ httpVersion });
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const { client } = endpointClient({ port: server.port, httpVersion, connectTimeoutMs: 1_000 });
    const slow = client.post({ text: "slow", delayMs: 60 });
    await expect.poll(() => server.active, { interval: 2 }).toBe(1);
    vi.advanceTimersByTime(5_000);
    expect((await slow).text).toBe("slow");
  });
});
