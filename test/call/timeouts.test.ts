import { Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { type BalancedTransportEvent, type BalancedTransportOptions, createBalancedTransport } from "../../src/node.ts";
import { rejection } from "../support/endpoint-client.ts";
import { startFaultyRelay } from "../support/faulty-relay.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { startScriptedServer } from "../support/scripted-server.ts";
import { startWireServer, type WireRequest } from "../support/wire-server.ts";

// What servers hear of a call's time, and what is waited between its attempts.

function clientOf(port: number, options: Partial<BalancedTransportOptions> = {}) {
  const transport = createBalancedTransport({ target: `static:///127.0.0.1:${port}`, tls: false, ...options });
  return { transport, client: createClient(EchoService, transport) };
}

/** The limit that a request names, in milliseconds, as it is written. */
function limitIn(request: WireRequest | undefined): string | null | undefined {
  return request?.header.get("connect-timeout-ms") ?? request?.header.get("grpc-timeout")?.replace(/m$/, "");
}

describe.each([
  { protocol: "connect", httpVersion: "2" },
  { protocol: "connect", httpVersion: "1.1" },
  { protocol: "grpc", httpVersion: "2" },
  { protocol: "grpc-web", httpVersion: "1.1" },
] as const)("over $protocol on HTTP/$httpVersion, a server hears of", (wire) => {
  /** What is left of a call of this limit when it is sent, in whole milliseconds; undefined without a limit. */
  async function heard(timeoutMs: number | undefined, options: Partial<BalancedTransportOptions> = {}) {
    using server = await startWireServer(wire.httpVersion);
    const { client, transport } = clientOf(server.port, { ...wire, ...options });
    await transport.warmUp();
    await client.get({}, timeoutMs === undefined ? {} : { timeoutMs });
    const limit = limitIn(server.requests[0]);
    if (limit === undefined || limit === null) return undefined;
    expect(limit).toMatch(/^[1-9]\d{0,7}$/);
    return Number(limit);
  }

  test("no limit where there is none, by Connect's rule", async () => {
    for (const timeoutMs of [undefined, 0, -1]) expect(await heard(timeoutMs)).toBeUndefined();
  });

  test.each([
    ["of the call", 20_000, {}, 20_000],
    ["with a fraction, as a whole number", 20_000.4, {}, 20_001],
    ["of more than eight digits, as the longest that has eight", 2_000_000_000, {}, 99_999_999],
    ["by default", undefined, { defaultTimeoutMs: 20_000 }, 20_000],
    ["of the call, in place of the default", 10_000, { defaultTimeoutMs: 20_000 }, 10_000],
    ["of the attempt, where it is shorter", 20_000, { attemptTimeoutMs: 10_000 }, 10_000],
    ["of the attempt, with a fraction", undefined, { attemptTimeoutMs: 9_999.5 }, 10_000],
    ["of the call, where it is shorter", 10_000, { attemptTimeoutMs: 20_000 }, 10_000],
  ])("a limit %s", async (_, timeoutMs, options, expected) => {
    const limit = await heard(timeoutMs, options);
    expect(limit).toBeLessThanOrEqual(expected);
    // What a busy machine took before it was sent; and the longest stays the longest.
    expect(limit).toBeGreaterThan(expected - 5_000);
  });

  test("the limit of one attempt in unary calls, not in streams", async () => {
    using server = await startWireServer(wire.httpVersion);
    const { client } = clientOf(server.port, { ...wire, attemptTimeoutMs: 10_000 });
    await client.post({});
    for await (const _ of client.serverStream({}));
    expect(server.requests.map(limitIn).map(Boolean)).toEqual([true, false]);
  });

  test.each(["with", "without"])(
    "the limit of a whole stream, the call's own or by default, %s interceptors",
    async (how) => {
      using server = await startWireServer(wire.httpVersion);
      const interceptors: Interceptor[] = how === "with" ? [(next) => (request) => next(request)] : [];
      const { client } = clientOf(server.port, { ...wire, interceptors, defaultTimeoutMs: 20_000 });
      for await (const _ of client.serverStream({}));
      for await (const _ of client.serverStream({}, { timeoutMs: 10_000 }));
      await client.get({});
      const limits = server.requests.map(limitIn).map(Number);
      expect(limits.map((limit) => Math.ceil(limit / 10_000))).toEqual([2, 1, 2]);
    },
  );
});

test.each(["connect", "grpc"] as const)("what a connection took is not left of the call: %s", async (protocol) => {
  using server = await startWireServer("2");
  await using relay = await startFaultyRelay({ address: "127.0.0.1", port: server.port });
  relay.delayMs = 100;
  const { client } = clientOf(relay.port, { protocol, connectTimeoutMs: 5_000 });
  await client.get({}, { timeoutMs: 5_000 });
  // SETTINGS come after a round trip at least, of which the way back is held up too.
  expect(Number(limitIn(server.requests[0]))).toBeLessThanOrEqual(4_900);
});

describe("a retry", () => {
  const once = (metadata: HeadersInit) => (execution: number) => {
    if (execution === 1) throw new ConnectError("busy", Code.Unavailable, metadata);
  };

  test.each([
    ["what the server orders", { "grpc-retry-pushback-ms": "150" }, {}, 150],
    ["what the server asks for at least", { "retry-after": "1" }, {}, 1_000],
  ])("waits %s", async (_, metadata, retry, leastMs) => {
    using server = await startScriptedServer(once(metadata));
    const events: BalancedTransportEvent[] = [];
    const { client } = clientOf(server.port, { retry, onEvent: (event) => void events.push(event) });
    const startedAt = performance.now();
    await client.get({});
    // A timer may fire a millisecond early.
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(leastMs - 1);
    const waited = events.flatMap((event) => (event.type === "retry" ? [event.delayMs] : []));
    expect(waited).toHaveLength(1);
    expect(waited[0]).toBeGreaterThanOrEqual(leastMs);
  });

  test("numbers its attempts, in events and for pickers", async () => {
    using server = await startScriptedServer(() => {
      throw new ConnectError("busy", Code.Unavailable);
    });
    const picked: number[] = [];
    const events: BalancedTransportEvent[] = [];
    const { client } = clientOf(server.port, {
      retry: { baseDelayMs: 0 },
      picker: ([first]) => ({
        pick: (_now, { attempt }) => {
          picked.push(attempt);
          return first as NonNullable<typeof first>;
        },
      }),
      onEvent: (event) => void events.push(event),
    });
    await rejection(client.get({}));
    expect(picked).toEqual([1, 2, 3]);
    expect(events.flatMap((event) => (event.type === "retry" ? [event.attempt] : []))).toEqual([2, 3]);
  });
});
