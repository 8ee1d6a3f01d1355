import { setTimeout as sleep } from "node:timers/promises";
import { Code, createClient, type Interceptor } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { type BalancedTransportOptions, callReport, createBalancedTransport } from "../../src/node.ts";
import { rejection } from "../support/endpoint-client.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { startScriptedServer } from "../support/scripted-server.ts";

// Code of the user's that never settles, and does not listen to its signal: the call ends all the same, by its deadline
// or by the caller's abort, holds nothing afterwards, and blames no server.

const never = () => new Promise<never>(() => {});
const hungBefore: Interceptor = () => () => never();
const hungAfter: Interceptor = (next) => async (request) => {
  await next(request);
  return never();
};

const kinds: Readonly<Record<string, Partial<BalancedTransportOptions>>> = {
  "an interceptor of the attempt, before the request": { attemptInterceptors: [hungBefore] },
  "an interceptor of the attempt, after the response": { attemptInterceptors: [hungAfter] },
  "an interceptor of the call, before the request": { interceptors: [hungBefore] },
  "an interceptor of the call, after the response": { interceptors: [hungAfter] },
  "a policy": { policy: { execute: never } },
  "a policy, after the call": {
    policy: {
      async execute(fn, signal) {
        await fn({ signal: signal ?? new AbortController().signal });
        return never();
      },
    },
  },
  "a transport": { createEndpointTransport: () => ({ unary: never, stream: never }) },
};

const ends: Readonly<Record<string, () => { options: { timeoutMs?: number; signal?: AbortSignal }; code: Code }>> = {
  "its deadline": () => ({ options: { timeoutMs: 200 }, code: Code.DeadlineExceeded }),
  "the caller's abort": () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 100);
    return { options: { signal: controller.signal }, code: Code.Canceled };
  },
};

describe.each(Object.keys(ends))("%s ends a call that is held up by", (end) => {
  test.each(Object.keys(kinds))("%s", async (kind) => {
    using server = await startScriptedServer(() => {});
    const transport = createBalancedTransport({
      target: `static:///127.0.0.1:${server.port}`,
      tls: false,
      ...kinds[kind],
    });
    const client = createClient(EchoService, transport);
    await transport.warmUp();
    const calls = Array.from({ length: 4 }, async () => {
      const { options, code } = (ends[end] as (typeof ends)[string])();
      const started = performance.now();
      expect(await rejection(client.get({}, options))).toMatchObject({ code });
      expect(performance.now() - started).toBeLessThan(500);
    });
    await Promise.all(calls);
    expect(transport.snapshot().endpoints).toMatchObject([{ inFlight: 0 }]);
    // A transport of the user's had the whole time: a silent server looks the same.
    if (kind === "a transport") return;
    expect(transport.snapshot()).toMatchObject({
      retryBudget: { debt: 0 },
      endpoints: [{ breaker: "closed", load: 0 }],
    });
  });
});

describe("a stream whose reader is held up", () => {
  test.each(["an interceptor", "a transport"])("by %s ends by its deadline", async (kind) => {
    using server = await startScriptedServer(() => {});
    const hung = { [Symbol.asyncIterator]: () => ({ next: never }) };
    const transport = createBalancedTransport({
      target: `static:///127.0.0.1:${server.port}`,
      tls: false,
      ...(kind === "a transport"
        ? { createEndpointTransport: () => ({ unary: never, stream: async () => ({ message: hung }) as never }) }
        : {
            attemptInterceptors: [(next) => async (request) => ({ ...(await next(request)), message: hung }) as never],
          }),
    });
    const stream = createClient(EchoService, transport).serverStream({ count: 1 }, { timeoutMs: 60 });
    const error = await rejection(stream[Symbol.asyncIterator]().next());
    expect(error).toMatchObject({ code: Code.DeadlineExceeded });
    expect(transport.snapshot().endpoints).toMatchObject([{ inFlight: 0 }]);
  });
});

test("what hung code does at last changes nothing", async () => {
  using server = await startScriptedServer(() => {});
  let release = (): void => {};
  const transport = createBalancedTransport({
    target: `static:///127.0.0.1:${server.port}`,
    tls: false,
    attemptInterceptors: [
      (next) => async (request) => {
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        return next(request);
      },
    ],
  });
  const error = await rejection(createClient(EchoService, transport).post({}, { timeoutMs: 40 }));
  expect(callReport(error)?.attempts.map(({ outcome }) => outcome)).toEqual(["caller"]);
  release();
  await sleep(40);
  // The deadline has passed: nothing is sent any more.
  expect(server.calls).toBe(0);
  expect(transport.snapshot().endpoints).toMatchObject([{ breaker: "closed", load: 0, inFlight: 0 }]);
});
