import { Code, type ContextValues, createClient, createContextValues, type Interceptor } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { describe, expect, test } from "vitest";
import {
  type BalancedTransportEvent,
  type BalancedTransportOptions,
  createBalancedTransport,
  endpointKey,
} from "../../src/node.ts";
import { closedPort } from "../support/closed-port.ts";
import { rejection } from "../support/endpoint-client.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { startEchoServer } from "../support/servers.ts";

// Which server answered a call, and which one an attempt goes to.

const wires = [
  ["connect", "2"],
  ["grpc", "2"],
  ["connect", "1.1"],
] as const;

function clientOf(ports: readonly number[], options: Partial<BalancedTransportOptions> = {}) {
  const transport = createBalancedTransport({
    target: `static:///${ports.map((port) => `127.0.0.1:${port}`).join(",")}`,
    tls: false,
    // The first one that is left.
    picker: (candidates) => ({ pick: () => candidates[0] as (typeof candidates)[number] }),
    retry: { baseDelayMs: 1, maxDelayMs: 2 },
    ...options,
  });
  return createClient(EchoService, transport);
}

const portOf = (values: ContextValues) => values.get(endpointKey)?.port;

describe.each(wires)("%s over HTTP/%s", (protocol, httpVersion) => {
  const wire = { protocol, httpVersion };

  test("the caller can name the server that answered, also where it is the second one", async () => {
    await using server = await startEchoServer({ httpVersion });
    const client = clientOf([await closedPort(), server.port], wire);
    for (const call of [client.get, client.post] as const) {
      const contextValues = createContextValues();
      expect(portOf(contextValues)).toBeUndefined();
      await call({}, { contextValues });
      expect(contextValues.get(endpointKey)).toMatchObject({ address: "127.0.0.1", port: server.port });
    }
  });

  test("also of a call that failed, by the server's own answer", async () => {
    await using server = await startEchoServer({ httpVersion });
    const contextValues = createContextValues();
    await rejection(clientOf([server.port], wire).get({ failCode: Code.NotFound }, { contextValues }));
    expect(portOf(contextValues)).toBe(server.port);
  });

  test("none, where no server answered", async () => {
    const contextValues = createContextValues();
    await rejection(clientOf([await closedPort()], wire).get({}, { contextValues }));
    expect(portOf(contextValues)).toBeUndefined();
  });

  test("a stream's is known with its response headers", async () => {
    await using server = await startEchoServer({ httpVersion });
    const contextValues = createContextValues();
    const seen = [];
    for await (const _ of clientOf([server.port], wire).serverStream({ count: 2 }, { contextValues })) {
      seen.push(portOf(contextValues));
    }
    expect(seen).toEqual([server.port, server.port]);
  });

  test("an interceptor of an attempt sees where it goes, one of the call who answered", async () => {
    await using server = await startEchoServer({ httpVersion });
    const seen: (number | undefined)[] = [];
    const note: Interceptor = (next) => (request) => {
      seen.push(portOf(request.contextValues));
      return next(request);
    };
    const whole: Interceptor = (next) => async (request) => {
      const response = await next(request);
      seen.push(portOf(request.contextValues));
      return response;
    };
    await using other = await startEchoServer({ httpVersion });
    const ports = [server.port, other.port];
    const client = clientOf(ports, { ...wire, attemptInterceptors: [note], interceptors: [whole], retry: false });
    await client.post({});
    expect(seen).toEqual([server.port, server.port]);
  });

  test("each attempt has its own", async () => {
    await using server = await startEchoServer({ httpVersion });
    await using other = await startEchoServer({ httpVersion });
    const seen: (number | undefined)[] = [];
    const note: Interceptor = (next) => (request) => {
      seen.push(portOf(request.contextValues));
      return next(request);
    };
    const client = clientOf([server.port, other.port], { ...wire, attemptInterceptors: [note] });
    const contextValues = createContextValues();
    await rejection(client.get({ failCode: Code.Unavailable }, { contextValues }));
    expect(seen).toHaveLength(3);
    expect(seen.slice(0, 2)).toEqual([server.port, other.port]);
    expect(portOf(contextValues)).toBe(seen.at(-1));
  });
});

test("what the caller put in is left alone, and an attempt may write to it", async () => {
  await using server = await startEchoServer({ httpVersion: "2" });
  const key = { id: Symbol("mine"), defaultValue: 0 };
  const count: Interceptor = (next) => (request) => {
    request.contextValues.set(key, request.contextValues.get(key) + 1);
    return next(request);
  };
  const contextValues = createContextValues().set(key, 1);
  await clientOf([server.port], { attemptInterceptors: [count] }).get({}, { contextValues });
  expect(contextValues.get(key)).toBe(2);
  expect(portOf(contextValues)).toBe(server.port);
});

test("a transport of the user's sees where its attempt goes", async () => {
  await using server = await startEchoServer({ httpVersion: "2" });
  const seen: (number | undefined)[] = [];
  const note: Interceptor = (next) => (request) => {
    seen.push(portOf(request.contextValues));
    return next(request);
  };
  const createEndpointTransport: BalancedTransportOptions["createEndpointTransport"] = (_endpoint, { baseUrl }) =>
    createConnectTransport({ baseUrl, httpVersion: "2", interceptors: [note] });
  await clientOf([server.port], { createEndpointTransport }).get({});
  expect(seen).toEqual([server.port]);
});

test("values that cannot be written do not fail the call, and are told once", async () => {
  await using server = await startEchoServer({ httpVersion: "2" });
  const events: BalancedTransportEvent[] = [];
  const client = clientOf([server.port], { onEvent: (event) => void events.push(event) });
  const values: ContextValues = {
    get: (key) => key.defaultValue,
    set: () => {
      throw new Error("read-only");
    },
    delete: () => values,
  };
  for (let i = 0; i < 3; i++) await client.get({}, { contextValues: values });
  const failed = events.filter(({ type }) => type === "callback-failed");
  expect(failed).toMatchObject([{ callback: "contextValues", error: { message: "read-only" } }]);
});
