import { Code, ConnectError, createClient, createContextKey, createContextValues } from "@connectrpc/connect";
import { expect, test } from "vitest";
import {
  type BalancedTransportEvent,
  type BalancedTransportOptions,
  callReport,
  createBalancedTransport,
} from "../../src/node.ts";
import { startBlackHole } from "../support/black-hole.ts";
import { closedPort } from "../support/closed-port.ts";
import { rejection } from "../support/endpoint-client.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { startScriptedServer } from "../support/scripted-server.ts";
import { shiftedClock } from "../support/shifted-clock.ts";

// The attempts of a call over real sockets: how often the servers executed it, and what its caller saw.

const quick = { retry: { baseDelayMs: 1, maxDelayMs: 2 } };

function clientOf(ports: number[], options: Partial<BalancedTransportOptions> = {}) {
  const target = `static:///${ports.map((port) => `127.0.0.1:${port}`).join(",")}`;
  const events: BalancedTransportEvent[] = [];
  const transport = createBalancedTransport({
    target,
    tls: false,
    onEvent: (event) => void events.push(event),
    ...quick,
    ...options,
  });
  return { client: createClient(EchoService, transport), transport, events };
}

const unavailable = (metadata?: HeadersInit) => new ConnectError("overloaded", Code.Unavailable, metadata);

test("cockatiel's retry makes the further attempts of an idempotent call", async () => {
  using server = await startScriptedServer((execution) => {
    if (execution < 3) throw unavailable();
  });
  const { client, events } = clientOf([server.port]);
  await client.get({});
  expect(server.calls).toBe(3);
  expect(events.filter(({ type }) => type === "retry")).toHaveLength(2);
});

test("cockatiel's breaker ejects an endpoint, and its probe brings it back", async () => {
  let broken = true;
  using server = await startScriptedServer(() => {
    if (broken) throw new ConnectError("broken", Code.Internal);
  });
  using other = await startScriptedServer(() => {});
  using clock = shiftedClock();
  const { client, transport, events } = clientOf([server.port, other.port], { picker: "round-robin" });
  for (let i = 0; i < 6; i++) await client.get({}).catch(() => {});
  expect(events.filter(({ type }) => type === "ejected")).toHaveLength(1);
  const before = server.calls;
  for (let i = 0; i < 10; i++) await client.get({});
  expect(server.calls).toBe(before);
  broken = false;
  clock.aheadMs = 60_000;
  for (let i = 0; i < 4; i++) await client.get({});
  expect(events.filter(({ type }) => type === "returned")).toHaveLength(1);
  expect(transport.snapshot().endpoints.map(({ breaker }) => breaker)).toEqual(["closed", "closed"]);
});

test("a connect that is not answered ends by its limit, and the call goes elsewhere", async () => {
  using hole = await startBlackHole();
  using server = await startScriptedServer(() => {});
  const { client } = clientOf([hole.port, server.port], { picker: "round-robin", connectTimeoutMs: 50 });
  await Promise.all([client.post({}), client.post({})]);
  expect(server.calls).toBe(2);
});

test("a method of unknown idempotency is executed once, whatever the server answers", async () => {
  using server = await startScriptedServer(() => {
    throw unavailable();
  });
  const { client } = clientOf([server.port]);
  const error = await rejection(client.post({}));
  expect(error).toMatchObject({ code: Code.Unavailable, rawMessage: "overloaded" });
  expect(server.calls).toBe(1);
});

test("a method that the user lists is repeated", async () => {
  using server = await startScriptedServer((execution) => {
    if (execution === 1) throw unavailable();
  });
  const retry = { ...quick.retry, idempotentMethods: ["connectlb.test.v1.EchoService/Post"] };
  await clientOf([server.port], { retry }).client.post({});
  expect(server.calls).toBe(2);
});

test("what never left is sent to another server, of any method, and costs no token", async () => {
  using server = await startScriptedServer(() => {});
  const closed = [await closedPort(), await closedPort(), await closedPort()];
  const { client, transport } = clientOf([...closed, server.port]);
  for (let i = 0; i < 8; i++) await client.post({});
  expect(server.calls).toBe(8);
  expect(transport.snapshot().retryBudget.debt).toBe(0);
});

test("at most maxAttempts are sent, and the caller gets the server's last error itself", async () => {
  using server = await startScriptedServer((execution) => {
    throw new ConnectError(`number ${execution}`, Code.Unavailable, { "x-execution": `${execution}` });
  });
  const { client } = clientOf([server.port], { retry: { ...quick.retry, maxAttempts: 2 } });
  const error = await rejection(client.get({}));
  expect(server.calls).toBe(2);
  expect(error).toMatchObject({ rawMessage: "number 2" });
  expect(ConnectError.from(error).metadata.get("x-execution")).toBe("2");
  expect(callReport(error)?.attempts.map(({ outcome }) => outcome)).toEqual(["answered", "answered"]);
  expect(callReport(error)?.attempts.at(-1)?.error).toBe(error);
});

test("retry: false sends each call once", async () => {
  using server = await startScriptedServer(() => {
    throw unavailable();
  });
  await rejection(clientOf([server.port], { retry: false }).client.get({}));
  expect(server.calls).toBe(1);
});

test.each([
  ["grpc-retry-pushback-ms: -1", { "grpc-retry-pushback-ms": "-1" }, 1],
  ["grpc-retry-pushback-ms: 5", { "grpc-retry-pushback-ms": "5" }, 2],
])("%s is obeyed", async (_, metadata, executions) => {
  using server = await startScriptedServer((execution) => {
    if (execution === 1) throw unavailable(metadata);
  });
  await clientOf([server.port])
    .client.get({})
    .catch(() => {});
  expect(server.calls).toBe(executions);
});

test("an outage is not amplified: at most four retries are sent, and none after them", async () => {
  using one = await startScriptedServer(() => {
    throw unavailable();
  });
  using two = await startScriptedServer(() => {
    throw unavailable();
  });
  const { client } = clientOf([one.port, two.port]);
  for (let i = 0; i < 50; i++) await rejection(client.get({}));
  const retries = one.calls + two.calls - 50;
  expect(retries).toBeGreaterThan(0);
  expect(retries).toBeLessThanOrEqual(4);
});

test("an outage of all connections is not amplified: each endpoint is dialled at most once more", async () => {
  const ports = [await closedPort(), await closedPort(), await closedPort()];
  const { client, events } = clientOf(ports);
  for (let i = 0; i < 50; i++) {
    const error = await rejection(client.get({}));
    expect(error).toMatchObject({ code: Code.Unavailable });
    expect(error.message).not.toContain("127.0.0.1");
    expect(callReport(error)?.attempts[0]?.endpoint).toMatch(/^127\.0\.0\.1:\d+$/);
  }
  expect(events.filter(({ type }) => type === "retry").length).toBeLessThanOrEqual(2 * ports.length);
});

test("interceptors run once per call or once per attempt, and keep state over attempts in the call's context values", async () => {
  const attemptsKey = createContextKey(0);
  using server = await startScriptedServer((execution) => {
    if (execution < 3) throw unavailable();
  });
  let calls = 0;
  const seen: number[] = [];
  const { client } = clientOf([server.port], {
    interceptors: [
      (next) => (request) => {
        calls++;
        request.contextValues.set(attemptsKey, 10);
        expect(request.url).toBe("http://localhost/connectlb.test.v1.EchoService/Get");
        return next(request);
      },
    ],
    attemptInterceptors: [
      (next) => (request) => {
        seen.push(request.contextValues.get(attemptsKey));
        request.contextValues.set(attemptsKey, request.contextValues.get(attemptsKey) + 1);
        return next(request);
      },
    ],
  });
  const contextValues = createContextValues();
  await client.get({}, { contextValues });
  expect([calls, ...seen]).toEqual([1, 10, 11, 12]);
  expect(contextValues.get(attemptsKey)).toBe(13);
});

test("what callbacks throw changes no call", async () => {
  using server = await startScriptedServer((execution) => {
    if (execution === 1) throw unavailable();
  });
  const { client } = clientOf([server.port], {
    onEvent: () => {
      throw new Error("listener");
    },
    picker: () => ({
      pick: () => {
        throw new Error("picker");
      },
    }),
  });
  await client.get({});
  expect(server.calls).toBe(2);
});

test("an error that an interceptor throws reaches the caller, and blames nobody", async () => {
  using server = await startScriptedServer(() => {});
  const { client, transport } = clientOf([server.port], {
    attemptInterceptors: [
      () => () => {
        throw new ConnectError("no token", Code.Unauthenticated);
      },
    ],
  });
  expect(await rejection(client.get({}))).toMatchObject({ code: Code.Unauthenticated, rawMessage: "no token" });
  expect(transport.snapshot().endpoints[0]).toMatchObject({ breaker: "closed", inFlight: 0 });
  expect(server.calls).toBe(0);
});

test.each([
  ["answered badly once", 1],
  ["was ejected amid many calls", 20],
])("a server that %s gets its share again, also from a client that makes one call at a time", async (_, failures) => {
  let broken = true;
  using server = await startScriptedServer(() => {
    if (broken) throw new ConnectError("broken", Code.Internal);
  });
  using other = await startScriptedServer(() => {});
  using clock = shiftedClock();
  const { client } = clientOf([server.port, other.port]);
  while (server.calls < failures) {
    await Promise.all(Array.from({ length: 2 * failures }, () => client.post({}).catch(() => {})));
  }
  broken = false;
  clock.aheadMs = 10_000;
  const before = server.calls;
  for (let i = 0; i < 100; i++) await client.get({});
  expect(server.calls - before).toBeGreaterThan(25);
});

test.each([
  ["grpc", "2", ["none", "1", "2"]],
  ["grpc-web", "2", ["none", "1", "2"]],
  ["grpc-web", "1.1", ["none", "1", "2"]],
  ["connect", "2", ["none", "none", "none"]],
] as const)("each retry of %s over HTTP/%s says how many attempts came before it (gRFC A6): %j", async (...given) => {
  const [protocol, httpVersion, expected] = given;
  const seen: string[] = [];
  using server = await startScriptedServer((execution, { requestHeader }) => {
    seen.push(requestHeader.get("grpc-previous-rpc-attempts") ?? "none");
    if (execution < 3) throw unavailable();
  }, httpVersion);
  // The attempt at the first server never leaves, and is not counted.
  const { client } = clientOf([await closedPort(), server.port], {
    protocol,
    httpVersion,
    picker: (candidates) => ({ pick: () => candidates[0] as (typeof candidates)[number] }),
  });
  const headers = { "x-own": "1" };
  await client.get({}, { headers });
  expect(seen).toEqual(expected);
  expect(headers).toEqual({ "x-own": "1" });
});
