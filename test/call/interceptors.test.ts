import { createServer, get as httpGet } from "node:http";
import type { AddressInfo } from "node:net";
import { Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BalancedTransportOptions, callReport, createBalancedTransport } from "../../src/node.ts";
import { closedPort } from "../support/closed-port.ts";
import { rejection } from "../support/endpoint-client.ts";
import { startFaultyServer } from "../support/faulty-server.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { type ScriptedServer, startScriptedServer } from "../support/scripted-server.ts";

// What an interceptor of an attempt throws says nothing of an endpoint, whatever it looks like: its own fetch fails in
// the same shapes as the transport does, and the facts that are recorded of another transport's error are not this one's.

const wires = [
  ["connect", "2"],
  ["connect", "1.1"],
  ["grpc", "2"],
  ["grpc-web", "1.1"],
] as const;

let closed: number;
let busy: ScriptedServer;
beforeAll(async () => {
  closed = await closedPort();
  busy = await startScriptedServer(() => {
    throw new ConnectError("the token service is busy", Code.Unavailable, { "retry-after": "0" });
  });
});
afterAll(() => busy[Symbol.dispose]());

const tokens = (port: number) =>
  createClient(EchoService, createBalancedTransport({ target: `static:///127.0.0.1:${port}`, tls: false }));

/** Ways in which an interceptor fails by itself. */
const failures: Readonly<Record<string, () => unknown>> = {
  "its fetch meets ECONNREFUSED": () => fetch(`http://127.0.0.1:${closed}/token`),
  "its node:http request meets ECONNREFUSED": () =>
    new Promise((resolve, reject) => httpGet(`http://127.0.0.1:${closed}/token`, resolve).on("error", reject)),
  "its call through a balanced transport finds no server": () => tokens(closed).get({}),
  "its call is answered with an error": () => tokens(busy.port).get({}),
  "it has a bug": () => {
    throw new TypeError("x is not a function");
  },
  "it throws a text": () => {
    throw "no token";
  },
  "it throws nothing": () => {
    throw undefined;
  },
  ...Object.fromEntries(
    [Code.Unavailable, Code.Internal, Code.Unknown, Code.Canceled, Code.DeadlineExceeded, Code.ResourceExhausted].map(
      (code) => [
        `it throws ${Code[code]}`,
        () => {
          throw new ConnectError("no token", code, { "grpc-retry-pushback-ms": "0" });
        },
      ],
    ),
  ),
  "it throws what a refused stream looks like": () => {
    throw new ConnectError("Stream closed with error code NGHTTP2_REFUSED_STREAM", Code.Internal);
  },
};

const before =
  (fail: () => unknown): Interceptor =>
  (next) =>
  async (request) => {
    await fail();
    return next(request);
  };

const after =
  (fail: () => unknown): Interceptor =>
  (next) =>
  async (request) => {
    await next(request);
    return (await fail()) as never;
  };

async function twoServers(httpVersion: "2" | "1.1") {
  const servers = [await startScriptedServer(() => {}, httpVersion), await startScriptedServer(() => {}, httpVersion)];
  return {
    ports: servers.map(({ port }) => port),
    get calls() {
      return servers.reduce((sum, server) => sum + server.calls, 0);
    },
    shares: () => servers.map((server) => server.calls),
    [Symbol.dispose]() {
      for (const server of servers) server[Symbol.dispose]();
    },
  };
}

function clientOf(ports: readonly number[], options: Partial<BalancedTransportOptions>) {
  const transport = createBalancedTransport({
    target: `static:///${ports.map((port) => `127.0.0.1:${port}`).join(",")}`,
    tls: false,
    retry: { baseDelayMs: 1, maxDelayMs: 2 },
    ...options,
  });
  return { transport, client: createClient(EchoService, transport) };
}

describe.each(wires)("%s over HTTP/%s, an interceptor of the attempt", (protocol, httpVersion) => {
  test.each(Object.entries(failures))("fails before the request: %s", async (_, fail) => {
    using servers = await twoServers(httpVersion);
    const { client, transport } = clientOf(servers.ports, {
      protocol,
      httpVersion,
      attemptInterceptors: [before(fail)],
    });
    for (const method of ["get", "post"] as const) {
      const error = await rejection(client[method]({}));
      expect(error).toBeInstanceOf(ConnectError);
      expect(callReport(error)?.attempts.map(({ outcome }) => outcome)).toEqual(["caller"]);
    }
    expect(servers.calls).toBe(0);
    const { endpoints, retryBudget } = transport.snapshot();
    expect(retryBudget.debt).toBe(0);
    expect(endpoints).toMatchObject(Array(2).fill({ breaker: "closed", load: 0, inFlight: 0 }));
  });

  test.each(Object.entries(failures))("fails after the response: %s", async (_, fail) => {
    using servers = await twoServers(httpVersion);
    const { client, transport } = clientOf(servers.ports, {
      protocol,
      httpVersion,
      attemptInterceptors: [after(fail)],
    });
    for (const method of ["get", "post"] as const) await rejection(client[method]({}));
    expect(servers.calls).toBe(2);
    const { endpoints, retryBudget } = transport.snapshot();
    expect(retryBudget.debt).toBe(0);
    expect(endpoints).toMatchObject(Array(2).fill({ breaker: "closed", load: 0, inFlight: 0 }));
  });

  test("fails for 20 calls because its token service is down: the first calls after it is back are even", async () => {
    using servers = await twoServers(httpVersion);
    const service = createServer((_request, response) => response.end("token"));
    await new Promise<void>((resolve) => service.listen(0, "127.0.0.1", resolve));
    const { port } = service.address() as AddressInfo;
    await new Promise((resolve) => service.close(resolve));
    const { client, transport } = clientOf(servers.ports, {
      protocol,
      httpVersion,
      picker: "round-robin",
      attemptInterceptors: [
        before(async () => {
          await (await fetch(`http://127.0.0.1:${port}/token`, { headers: { connection: "close" } })).text();
        }),
      ],
    });
    for (let i = 0; i < 20; i++) await rejection(i % 2 === 0 ? client.get({}) : client.post({}));
    expect(transport.snapshot().retryBudget.debt).toBe(0);
    expect(servers.calls).toBe(0);
    await new Promise<void>((resolve) => service.listen(port, "127.0.0.1", resolve));
    for (let i = 0; i < 10; i++) await client.post({});
    expect(servers.shares()).toEqual([5, 5]);
    service.close();
  });

  test.each(["post", "get"] as const)(
    "wraps the transport's own failure: that is still the transport's (%s)",
    async (method) => {
      using good = await startFaultyServer({ httpVersion });
      const { client, transport } = clientOf([closed, good.port], {
        protocol,
        httpVersion,
        picker: (candidates) => ({ pick: () => candidates[0] as (typeof candidates)[number] }),
        attemptInterceptors: [
          (next) => async (request) => {
            try {
              return await next(request);
            } catch (error) {
              throw new ConnectError("orders failed", Code.Internal, undefined, undefined, error);
            }
          },
        ],
      });
      await client[method]({});
      expect(good.executions).toEqual({ [method]: 1 });
      expect(transport.snapshot().endpoints.map(({ breaker }) => breaker)).toEqual(["ejected", "closed"]);
    },
  );

  test("answers in place of a failed server: the call succeeds, and no success is counted for the server", async () => {
    using failing = await startScriptedServer((execution) => {
      if (execution % 2 === 1) throw new ConnectError("broken", Code.Internal);
    }, httpVersion);
    const { client, transport } = clientOf([failing.port], {
      protocol,
      httpVersion,
      retry: false,
      attemptInterceptors: [
        (next) => async (request) => {
          try {
            return await next(request);
          } catch {
            return next(request);
          }
        },
      ],
    });
    await client.get({});
    expect(failing.calls).toBe(2);
    expect(transport.snapshot().endpoints).toMatchObject([{ breaker: "closed", inFlight: 0 }]);
  });
});

test("a stream that an interceptor breaks while it is read blames nobody", async () => {
  using server = await startFaultyServer({ httpVersion: "2" });
  const { client, transport } = clientOf([server.port], {
    attemptInterceptors: [
      (next) => async (request) => {
        const response = await next(request);
        if (!response.stream) return response;
        return {
          ...response,
          message: (async function* () {
            for await (const message of response.message) {
              yield message;
              throw Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED", syscall: "connect" });
            }
          })() as never,
        };
      },
    ],
  });
  const error = await rejection(
    (async () => {
      for await (const _ of client.serverStream({ count: 3 }));
    })(),
  );
  expect(callReport(error)?.attempts.map(({ outcome }) => outcome)).toEqual(["caller"]);
  expect(transport.snapshot()).toMatchObject({
    retryBudget: { debt: 0 },
    endpoints: [{ breaker: "closed", load: 0, inFlight: 0 }],
  });
});
