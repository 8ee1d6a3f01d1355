import { type CallOptions, Code, createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createBalancedTransport } from "../../src/node.ts";
import { rejection } from "../support/endpoint-client.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { type EchoServer, startEchoServer } from "../support/servers.ts";
import { BAD_CALLS } from "./bad-calls.ts";

describe.each(["2", "1.1"] as const)("over HTTP/%s", (httpVersion) => {
  let server: EchoServer;
  beforeAll(async () => {
    server = await startEchoServer({ httpVersion });
  });
  afterAll(() => server.kill());

  test.each(BAD_CALLS)("$message", async ({ options, message }) => {
    const target = `static:///127.0.0.1:${server.port}`;
    const transport = createBalancedTransport({ target, tls: false, httpVersion });
    const withInterceptor = createBalancedTransport({
      target,
      tls: false,
      httpVersion,
      interceptors: [(next) => next],
    });
    const started = performance.now();
    for (const client of [transport, withInterceptor].map((either) => createClient(EchoService, either))) {
      const bad = options as CallOptions;
      expect(await rejection(client.get({}, bad))).toMatchObject({ code: Code.InvalidArgument, rawMessage: message });
      const stream = client.serverStream({}, bad)[Symbol.asyncIterator]();
      expect(await rejection(stream.next())).toMatchObject({ code: Code.InvalidArgument, rawMessage: message });
    }
    expect(performance.now() - started).toBeLessThan(1_000);
    expect(server.calls).toBe(0);
    expect(transport.snapshot().endpoints).toEqual([]);
  });
});

test("a header that an attempt's interceptor must not set ends the call, and blames no endpoint", async () => {
  await using server = await startEchoServer({ httpVersion: "2" });
  const transport = createBalancedTransport({
    target: `static:///127.0.0.1:${server.port}`,
    tls: false,
    attemptInterceptors: [
      (next) => (request) => {
        request.header.set("connection", "close");
        return next(request);
      },
    ],
  });
  for (let i = 0; i < 5; i++) await rejection(createClient(EchoService, transport).get({}));
  expect(transport.snapshot().endpoints[0]).toMatchObject({ breaker: "closed", load: 0 });
  expect(transport.snapshot().retryBudget.debt).toBe(0);
});
