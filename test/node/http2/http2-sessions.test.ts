import { once } from "node:events";
import { createServer, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { Code } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { endpointClient, manualClock, rejection } from "../../support/endpoint-client.ts";
import { startFaultyRelay } from "../../support/faulty-relay.ts";
import { startEchoServer } from "../../support/servers.ts";

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("connect()", () => {
  test("is synchronous on a warm connection and shared while there is none", async () => {
    await using server = await startEchoServer({ httpVersion: "2" });
    const clock = manualClock();
    const { transport, client } = endpointClient({ port: server.port, clock });
    const waits = [transport.connect?.(clock.now()), transport.connect?.(clock.now())];
    expect(waits.every((wait) => wait instanceof Promise)).toBe(true);
    await Promise.all(waits);
    expect(transport.connect?.(clock.now())).toBeUndefined();
    clock.time += 100;
    expect(transport.connect?.(clock.now())).toBeUndefined();
    await client.get({});
    expect(server.connections).toBe(1);
  });

  test("checks a connection after a gap, keeps it if it lives, and dials anew beyond the idle limit", async () => {
    await using server = await startEchoServer({ httpVersion: "2" });
    const clock = manualClock();
    const { transport, client } = endpointClient({ port: server.port, clock });
    await client.get({});
    clock.time += 101;
    const checks = [transport.connect?.(clock.now()), transport.connect?.(clock.now())];
    expect(checks.every((check) => check instanceof Promise)).toBe(true);
    await Promise.all(checks);
    expect(transport.connect?.(clock.now())).toBeUndefined();
    clock.time += 49_899;
    await transport.connect?.(clock.now());
    expect(server.connections).toBe(1);
    // Its server has just been heard of.
    clock.time += 50_001;
    await transport.connect?.(clock.now());
    expect(server.connections).toBe(2);
    await client.get({});
    expect(server.connections).toBe(2);
  });

  test("keeps a connection that is in use, however long nothing has come", async () => {
    await using server = await startEchoServer({ httpVersion: "2" });
    const clock = manualClock();
    const { client, connect } = endpointClient({ port: server.port, clock });
    await client.get({});
    const running = client.post({ text: "slow", delayMs: 30 });
    await expect.poll(() => server.active, { interval: 2 }).toBe(1);
    clock.time += 3_600_000;
    await connect();
    await client.get({});
    expect((await running).text).toBe("slow");
    expect(server.connections).toBe(1);
  });

  test("a clock that was set back is a reason to look, not to discard", async () => {
    await using server = await startEchoServer({ httpVersion: "2" });
    const clock = manualClock();
    const { client, transport } = endpointClient({ port: server.port, clock });
    await client.get({});
    clock.time -= 3_600_000;
    const check = transport.connect?.(clock.now());
    expect(check).toBeInstanceOf(Promise);
    await check;
    expect(transport.connect?.(clock.now())).toBeUndefined();
    await client.get({});
    expect(server.connections).toBe(1);
  });

  test("each waiting call gets an error of its own", async () => {
    const server = await startEchoServer({ httpVersion: "2" });
    await server.close();
    const { transport } = endpointClient({ port: server.port });
    const [first, second] = await Promise.all([
      rejection(transport.connect?.(0) as Promise<void>),
      rejection(transport.connect?.(0) as Promise<void>),
    ]);
    expect(first).toMatchObject({ code: Code.Unavailable, rawMessage: "could not connect (ECONNREFUSED)" });
    expect(second).not.toBe(first);
    expect(second.cause).toBe(first.cause);
  });

  test("a dial that is older than its limit is given up in the next call, without a timer's help", async () => {
    await using server = await startEchoServer({ httpVersion: "2" });
    await using relay = await startFaultyRelay(server);
    relay.blackHole(true);
    const clock = manualClock();
    // The real time limit is far away: only the clock can tell, as after a freeze.
    const { transport, client } = endpointClient({ port: relay.port, clock, connectTimeoutMs: 60_000 });
    const stuck = rejection(transport.connect?.(clock.now()) as Promise<void>);
    await expect.poll(() => relay.connections, { interval: 2 }).toBe(1);
    relay.blackHole(false);
    clock.time += 60_001;
    await transport.connect?.(clock.now());
    expect(await stuck).toMatchObject({ cause: { code: "ETIMEDOUT" } });
    expect((await client.get({ text: "ok" })).text).toBe("ok");
    expect(relay.connections).toBe(2);
  });

  test.each([
    ["reset at accept", "reset"],
    ["a server that closes at once", "fin"],
  ] as const)("%s, in cleartext, is seen before anything is sent", async (_title, fault) => {
    await using server = await startEchoServer({ httpVersion: "2" });
    await using relay = await startFaultyRelay(server);
    if (fault === "reset") relay.resetAtAccept(true);
    else relay.blackHole(true);
    const { client, notSent } = endpointClient({ port: relay.port });
    const failed = rejection(client.post({}));
    if (fault === "fin") {
      await expect.poll(() => relay.open, { interval: 2 }).toBe(1);
      relay.fin();
    }
    expect(notSent(await failed)).toBe(true);
    expect(server.calls).toBe(0);
  });

  test("a cold burst stays within MAX_CONCURRENT_STREAMS", async () => {
    await using server = await startEchoServer({ httpVersion: "2", maxConcurrentStreams: 2 });
    const { client } = endpointClient({ port: server.port });
    await Promise.all(Array.from({ length: 10 }, () => client.post({ delayMs: 1 })));
    expect(server.callsByMethod).toEqual({ post: 10 });
    expect(server.connections).toBe(1);
  });
});

describe("what arrived during a gap", () => {
  test.each(["fin", "reset"] as const)("%s: the next call is sent on a new connection", async (fault) => {
    await using server = await startEchoServer({ httpVersion: "2" });
    await using relay = await startFaultyRelay(server);
    const clock = manualClock();
    const { client, connect } = endpointClient({ port: relay.port, clock });
    for (let i = 0; i < 20; i++) {
      await client.post({});
      relay[fault]();
      // As in a thaw: the call comes before the event loop has read what lies there.
      clock.time += 300;
      await connect();
      await client.post({});
    }
    expect(server.callsByMethod).toEqual({ post: 40 });
  });

  test("a connection that was forgotten without a word is replaced beyond the idle limit", async () => {
    await using server = await startEchoServer({ httpVersion: "2" });
    await using relay = await startFaultyRelay(server);
    const clock = manualClock();
    const { client, connect } = endpointClient({ port: relay.port, clock });
    await client.post({});
    relay.silence();
    clock.time += 50_001;
    await connect();
    await client.post({}, { timeoutMs: 1000 });
    expect(relay.connections).toBe(2);
  });
});

describe("GOAWAY", () => {
  test("on an idle connection 0 to 10 ms before a call: no call fails, nothing is uncaught", async () => {
    // An uncaught exception fails the run by itself.
    const clock = { now: () => Date.now() };
    for (let trial = 0; trial < 200; trial++) {
      await using server = await startEchoServer({ httpVersion: "2" });
      const { client, connect } = endpointClient({ port: server.port, clock });
      await client.get({});
      server.drain();
      const pauseMs = (trial % 40) / 4;
      const until = performance.now() + pauseMs;
      while (performance.now() < until) await turn();
      await connect();
      await client.get({}).catch(async (error) => {
        // GOAWAY was on its way when the request left, and the server refused it: for the call layer to repeat.
        expect(String(error.cause)).toContain("REFUSED_STREAM");
        await connect();
        await client.get({});
      });
    }
  });

  test("lets running calls finish, and new ones go to a new connection", async () => {
    await using server = await startEchoServer({ httpVersion: "2" });
    const { client, connect } = endpointClient({ port: server.port });
    await client.get({});
    const running = client.post({ text: "old", delayMs: 40 });
    await expect.poll(() => server.active, { interval: 2 }).toBe(1);
    server.drain();
    while (server.connections < 2) {
      await connect();
      // Refused while the GOAWAY is under way: that is for the call layer to repeat.
      await client.get({}).catch((error) => expect(String(error.cause)).toContain("REFUSED_STREAM"));
    }
    expect((await running).text).toBe("old");
  });
});

describe("streams", () => {
  test("a stream that ends without a response is an error, not a call that waits for ever (connect-es #1108)", async () => {
    const server = createServer();
    const sessions = new Set<ServerHttp2Session>();
    server.on("session", (session) => sessions.add(session));
    server.on("stream", (stream) => stream.close(0));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      const { client, notSent } = endpointClient({ port: (server.address() as AddressInfo).port });
      const error = await rejection(client.post({}));
      expect(error).toMatchObject({ code: Code.Internal });
      expect(notSent(error)).toBe(false);
    } finally {
      for (const session of sessions) session.destroy();
      server.close();
    }
  });

  test("a header that HTTP/2 forbids is the caller's fault, not the endpoint's", async () => {
    await using server = await startEchoServer({ httpVersion: "2" });
    const { client, notSent } = endpointClient({ port: server.port });
    const error = await rejection(client.post({}, { headers: { connection: "close" } }));
    expect(error.cause).toMatchObject({ code: "ERR_HTTP2_INVALID_CONNECTION_HEADERS" });
    expect(notSent(error)).toBe(false);
    await client.post({});
    expect(server.calls).toBe(1);
  });

  test("an aborted call resets its stream and leaves the connection", async () => {
    await using server = await startEchoServer({ httpVersion: "2" });
    const { client } = endpointClient({ port: server.port });
    const abort = new AbortController();
    const aborted = rejection(client.post({ delayMs: 5_000 }, { signal: abort.signal }));
    await expect.poll(() => server.active, { interval: 2 }).toBe(1);
    abort.abort();
    expect(await aborted).toMatchObject({ code: Code.Canceled });
    await expect.poll(() => server.active, { interval: 2 }).toBe(0);
    await client.post({});
    expect(server.connections).toBe(1);
  });
});
