import { setTimeout as sleep } from "node:timers/promises";
import { Code, createClient } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import {
  type BalancedTransportEvent,
  type BalancedTransportOptions,
  type Candidate,
  callReport,
  createBalancedTransport,
} from "../../src/node.ts";
import { rejection } from "../support/endpoint-client.ts";
import { startFaultyRelay } from "../support/faulty-relay.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { type ServerProcess, startServerProcess } from "../support/server-process.ts";
import { startEchoServer } from "../support/servers.ts";

// Servers that do not answer for a while, without any proof that they, or their calls, are lost.

function clientOf(ports: readonly number[], options: Partial<BalancedTransportOptions> = {}) {
  const target = `static:///${ports.map((port) => `127.0.0.1:${port}`).join(",")}`;
  const transport = createBalancedTransport({ target, tls: false, ...options });
  return { client: createClient(EchoService, transport), transport };
}

/** Makes a connection to each server. */
async function warm({ transport }: ReturnType<typeof clientOf>): Promise<void> {
  await transport.warmUp({ connections: 10 });
}

async function executionsOf(servers: readonly ServerProcess[], method: string): Promise<number> {
  const all = await Promise.all(servers.map((server) => server.executions()));
  return all.reduce((sum, each) => sum + (each[method] ?? 0), 0);
}

/** Runs with so many server processes, and a client that is connected to each. */
async function withServers(
  count: number,
  protocol: (typeof protocols)[number],
  run: (balanced: ReturnType<typeof clientOf>, servers: readonly ServerProcess[]) => Promise<void>,
): Promise<void> {
  const servers = await Promise.all(Array.from({ length: count }, () => startServerProcess({ httpVersion: "2" })));
  try {
    const balanced = clientOf(
      servers.map(({ port }) => port),
      { protocol },
    );
    await warm(balanced);
    await run(balanced, servers);
  } finally {
    await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
  }
}

const elapsed = async (promise: Promise<unknown>): Promise<number> => {
  const startedAt = performance.now();
  await promise;
  return performance.now() - startedAt;
};

const kinds = ["get", "post", "serverStream"] as const;
type Kind = (typeof kinds)[number];

async function call({ client }: ReturnType<typeof clientOf>, kind: Kind, text = ""): Promise<string> {
  if (kind !== "serverStream") return (await client[kind]({ text })).text;
  let last = "";
  for await (const message of client.serverStream({ text, count: 1 })) last = message.text;
  return last;
}

const protocols = ["connect", "grpc", "grpc-web"] as const;

describe.concurrent.each(protocols)("a server whose event loop is held, %s", (protocol) => {
  test.each(kinds)("%s: where it is alone it answers each call once", async (kind) => {
    await withServers(1, protocol, async (balanced, servers) => {
      servers[0]?.block(2_200);
      await Promise.all(Array.from({ length: 5 }, () => call(balanced, kind)));
      expect(await executionsOf(servers, kind)).toBe(5);
      expect(balanced.transport.snapshot().endpoints).toMatchObject([{ inFlight: 0 }]);
    });
  });

  test("among others: a call that may be repeated is answered by another one", async () => {
    await withServers(3, protocol, async (balanced, servers) => {
      servers[0]?.block(4_000);
      await sleep(20);
      const gets = await Promise.all(Array.from({ length: 12 }, () => elapsed(balanced.client.get({}))));
      expect(Math.max(...gets)).toBeLessThan(3_000);
      expect(await executionsOf(servers.slice(1), "get")).toBe(12);
      // What the held server makes of its copies does not count; it has seen each at most once.
      expect(await executionsOf(servers, "get")).toBeLessThanOrEqual(24);
    });
  });

  test("no call that may not be repeated fails, or runs twice", async () => {
    await withServers(3, protocol, async (balanced, servers) => {
      servers[0]?.block(3_000);
      await sleep(20);
      await Promise.all(Array.from({ length: 12 }, () => balanced.client.post({})));
      expect(await executionsOf(servers, "post")).toBe(12);
    });
  });
});

describe.concurrent("the copy of a call whose connection is silent", () => {
  async function silentAndGood(options: Partial<BalancedTransportOptions> = {}) {
    const server = await startEchoServer({ httpVersion: "2" });
    const relays = [await startFaultyRelay(server), await startFaultyRelay(server)];
    const balanced = clientOf(
      relays.map(({ port }) => port),
      options,
    );
    await warm(balanced);
    return {
      server,
      relays,
      balanced,
      async [Symbol.asyncDispose]() {
        for (const relay of relays) await relay[Symbol.asyncDispose]();
        await server[Symbol.asyncDispose]();
      },
    };
  }

  test("one a call, within the attempts and the budget; the report shows who answered", async () => {
    await using all = await silentAndGood();
    for (const relay of all.relays) relay.silence();
    const error = await rejection(all.balanced.client.get({}, { timeoutMs: 4_000 }));
    expect(error).toMatchObject({ code: Code.DeadlineExceeded });
    // Two connections that were made anew would serve a third copy; there is none.
    expect(all.server.calls).toBe(0);
    expect(callReport(error)?.attempts.length).toBeLessThanOrEqual(2);
    expect(all.balanced.transport.snapshot().endpoints).toMatchObject([{ inFlight: 0 }, { inFlight: 0 }]);
  });

  test.each([
    ["with retry: false", { retry: false }],
    ["with one attempt", { retry: { maxAttempts: 1 } }],
  ] as const)("none %s", async (_title, options) => {
    await using all = await silentAndGood(options);
    for (const relay of all.relays) relay.pause();
    const calls = Array.from({ length: 6 }, () => all.balanced.client.get({}));
    await sleep(2_200);
    for (const relay of all.relays) relay.resume();
    await Promise.all(calls);
    expect(all.server.calls).toBe(6);
  });

  test("passes through interceptors of the attempt", async () => {
    let attempts = 0;
    await using all = await silentAndGood({
      attemptInterceptors: [
        (next) => (request) => {
          attempts += 1;
          return next(request);
        },
      ],
    });
    all.relays[0]?.silence();
    const calls = Array.from({ length: 8 }, () => all.balanced.client.get({}, { timeoutMs: 4_000 }));
    await Promise.all(calls);
    expect(attempts).toBeGreaterThan(8);
    expect(attempts).toBeLessThanOrEqual(16);
  });

  test("is taken back, and counts for nothing, where the first one answers after all", async () => {
    await using all = await silentAndGood();
    const [one, other] = all.relays as [(typeof all.relays)[0], (typeof all.relays)[0]];
    one.pause();
    other.pause();
    const calls = Array.from({ length: 4 }, () => all.balanced.client.get({}));
    await sleep(1_900);
    one.resume();
    other.resume();
    await Promise.all(calls);
    expect(all.balanced.transport.snapshot().endpoints).toMatchObject([
      { inFlight: 0, breaker: "closed" },
      { inFlight: 0, breaker: "closed" },
    ]);
    await all.balanced.client.get({});
  });

  test("its server's error does not end the call while the first one may be answered", async () => {
    const server = await startEchoServer({ httpVersion: "2" });
    const relays = [await startFaultyRelay(server), await startFaultyRelay(server)];
    try {
      let attempts = 0;
      const balanced = clientOf(
        relays.map(({ port }) => port),
        {
          attemptInterceptors: [
            (next) => async (request) => {
              // The copy fails at its server.
              if (++attempts === 2) request.header.set("content-encoding", "unknown");
              return next(request);
            },
          ],
        },
      );
      await warm(balanced);
      for (const relay of relays) relay.pause();
      const answer = balanced.client.get({ text: "first" });
      await sleep(1_700);
      const isSecond = attempts === 2;
      for (const relay of relays) relay.resume();
      expect((await answer).text).toBe("first");
      expect(isSecond).toBe(true);
    } finally {
      for (const relay of relays) await relay[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    }
  });

  test("none for a call that was sent in doubt: it is repeated for that, and what was under way before waits", async () => {
    await using server = await startEchoServer({ httpVersion: "2" });
    await using one = await startFaultyRelay(server);
    await using other = await startFaultyRelay(server);
    const events: BalancedTransportEvent[] = [];
    const balanced = clientOf([one.port, other.port], {
      picker: (candidates) => ({
        pick: () => candidates.find(({ endpoint }) => endpoint.port === one.port) ?? (candidates[0] as Candidate),
      }),
      onEvent: (event) => void events.push(event),
    });
    await warm(balanced);
    const slow = balanced.client.post({ text: "slow", delayMs: 3_000 });
    // A PING after 1 s of silence has been answered; the next one is due after 2 s more, or with a call.
    await sleep(2_200);
    one.pause();
    expect((await balanced.client.get({ text: "doubted" })).text).toBe("doubted");
    one.resume();
    expect((await slow).text).toBe("slow");
    expect(events.filter(({ type }) => type === "hedge")).toEqual([]);
    expect(balanced.transport.snapshot().retryBudget.debt).toBe(0);
    expect(server.callsByMethod.post).toBe(1);
  });
});
