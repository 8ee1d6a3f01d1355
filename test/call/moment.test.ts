import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { type BalancedTransportOptions, callReport, createBalancedTransport } from "../../src/node.ts";
import { startBlackHole } from "../support/black-hole.ts";
import { rejection } from "../support/endpoint-client.ts";
import { startFaultyServer } from "../support/faulty-server.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { startScriptedServer } from "../support/scripted-server.ts";
import { shiftedClock } from "../support/shifted-clock.ts";

// A deadline is a moment: taken when the caller makes the call, the same with interceptors and without, and each attempt
// tells the server what is left.

const wires = [
  ["connect", "2"],
  ["grpc", "2"],
  ["connect", "1.1"],
  ["grpc-web", "1.1"],
] as const;

const through: Interceptor = (next) => (request) => next(request);
const refreshing: Interceptor = (next) => async (request) => {
  await sleep(300);
  return next(request);
};

function clientOf(ports: readonly number[], options: Partial<BalancedTransportOptions>) {
  const transport = createBalancedTransport({
    target: `static:///${ports.map((port) => `127.0.0.1:${port}`).join(",")}`,
    tls: false,
    ...options,
  });
  return { transport, client: createClient(EchoService, transport) };
}

describe.each(wires)("%s over HTTP/%s", (protocol, httpVersion) => {
  test.each<[string, Partial<BalancedTransportOptions>]>([
    ["no interceptor", {}],
    ["an interceptor of the call", { interceptors: [through] }],
    ["an interceptor of the attempt", { attemptInterceptors: [through] }],
    ["a policy", { policy: { execute: (fn, signal) => Promise.resolve(fn({ signal: signal as AbortSignal })) } }],
  ])("one of two servers is silent: with %s it is ejected after some calls", async (_, options) => {
    using silent = await startFaultyServer({ httpVersion, onRequest: () => {} });
    using good = await startFaultyServer({ httpVersion });
    const { client, transport } = clientOf([silent.port, good.port], {
      protocol,
      httpVersion,
      picker: "round-robin",
      ...options,
    });
    await transport.warmUp();
    let failed = 0;
    for (let i = 0; i < 10; i++) {
      await client.get({}, { timeoutMs: 300 }).catch((error) => {
        expect(ConnectError.from(error).code).toBe(Code.DeadlineExceeded);
        failed += 1;
      });
    }
    // Half of them would fail, were it not ejected after three; a busy machine may be late once more.
    expect(failed).toBeLessThan(5);
    expect(
      transport
        .snapshot()
        .endpoints.map(({ breaker }) => breaker)
        .sort(),
    ).toEqual(["closed", "ejected"]);
  });

  test("a caller's signal that is a deadline counts as one: a silent server is ejected", async () => {
    using silent = await startFaultyServer({ httpVersion, onRequest: () => {} });
    const { client, transport } = clientOf([silent.port], { protocol, httpVersion });
    await transport.warmUp();
    for (let i = 0; i < 3; i++) {
      const error = await rejection(client.get({}, { signal: AbortSignal.timeout(100) }));
      expect(error).toMatchObject({ code: Code.Canceled });
    }
    expect(transport.snapshot().endpoints).toMatchObject([{ breaker: "ejected", inFlight: 0 }]);
  });

  test("a caller's abort blames nobody", async () => {
    using silent = await startFaultyServer({ httpVersion, onRequest: () => {} });
    const { client, transport } = clientOf([silent.port], { protocol, httpVersion, interceptors: [through] });
    for (let i = 0; i < 4; i++) {
      const controller = new AbortController();
      setTimeout(() => controller.abort(), 30);
      const error = await rejection(client.get({}, { signal: controller.signal, timeoutMs: 10_000 }));
      expect(error).toMatchObject({ code: Code.Canceled });
    }
    expect(transport.snapshot().endpoints).toMatchObject([{ breaker: "closed", load: 0, inFlight: 0 }]);
  });

  test.each<[string, Partial<BalancedTransportOptions>]>([
    ["the call", { interceptors: [refreshing] }],
    ["the attempt", { attemptInterceptors: [refreshing] }],
  ])("an interceptor of %s takes 300 ms of 1,000: the server is told what is left", async (_, options) => {
    let told: number | undefined;
    using server = await startScriptedServer((_execution, context) => {
      told = context.timeoutMs();
    }, httpVersion);
    const { client } = clientOf([server.port], { protocol, httpVersion, ...options });
    await client.post({}, { timeoutMs: 1_000 });
    expect(told).toBeGreaterThan(400);
    expect(told).toBeLessThanOrEqual(700);
  });
});

test("an interceptor that takes the whole time sends nothing", async () => {
  using server = await startScriptedServer(() => {});
  for (const options of [{ interceptors: [refreshing] }, { attemptInterceptors: [refreshing] }]) {
    const { client, transport } = clientOf([server.port], options);
    expect(await rejection(client.post({}, { timeoutMs: 50 }))).toMatchObject({ code: Code.DeadlineExceeded });
    await sleep(350);
    expect(transport.snapshot().endpoints).not.toMatchObject([{ load: 1 }]);
  }
  expect(server.calls).toBe(0);
});

describe("the wall clock goes back an hour", () => {
  const back = -3_600_000;

  test("before a retry: the attempt is told no more than the call had", async () => {
    const told: (number | undefined)[] = [];
    using clock = shiftedClock();
    using server = await startScriptedServer((execution, context) => {
      told.push(context.timeoutMs());
      clock.aheadMs = back;
      if (execution === 1) throw new ConnectError("again", Code.Unavailable);
    });
    await clientOf([server.port], { retry: { baseDelayMs: 1 } }).client.get({}, { timeoutMs: 1_000 });
    expect(told).toHaveLength(2);
    for (const ms of told) expect(ms).toBeLessThanOrEqual(1_000);
  });

  test.each(["looks up", "connects", "waits for the response", "reads a stream"])(
    "while a call %s: it ends within its time",
    async (phase) => {
      using clock = shiftedClock();
      using hole = await startBlackHole();
      using silent = await startFaultyServer({ httpVersion: "2", onRequest: () => {} });
      const { client } = clientOf([phase === "connects" ? hole.port : silent.port], {
        connectTimeoutMs: 60_000,
        ...(phase === "looks up" && { target: { target: "a resolver", resolve: () => new Promise<never>(() => {}) } }),
      });
      const started = performance.now();
      const call =
        phase === "reads a stream"
          ? client.serverStream({}, { timeoutMs: 150 })[Symbol.asyncIterator]().next()
          : client.get({}, { timeoutMs: 150 });
      setTimeout(() => {
        clock.aheadMs = back;
      }, 50);
      const error = await rejection(call);
      expect(error).toMatchObject({ code: Code.DeadlineExceeded });
      expect(performance.now() - started).toBeLessThan(500);
      expect(callReport(error)).toBeDefined();
    },
  );
});
