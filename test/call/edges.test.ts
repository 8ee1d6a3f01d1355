import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { createServer as createHttp1Server } from "node:http";
import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import { createServer as createHttp2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { describe, expect, test, vi } from "vitest";
import {
  type BalancedTransportEvent,
  type BalancedTransportOptions,
  callReport,
  createBalancedTransport,
  type EndpointTransport,
} from "../../src/node.ts";
import { collectGarbage } from "../support/collect-garbage.ts";
import { rejection } from "../support/endpoint-client.ts";
import { startFaultyServer } from "../support/faulty-server.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { notable } from "../support/notable-events.ts";
import { startEchoServer } from "../support/servers.ts";
import { shiftedClock } from "../support/shifted-clock.ts";

// Endpoints that cannot be used, addresses that belong to somebody else, and transports that nobody uses any more.

function clientOf(ports: readonly number[], options: Partial<BalancedTransportOptions> = {}) {
  const events: BalancedTransportEvent[] = [];
  const transport = createBalancedTransport({
    target: `static:///${ports.map((port) => `127.0.0.1:${port}`).join(",")}`,
    tls: false,
    retry: { baseDelayMs: 1, maxDelayMs: 2 },
    onEvent: (event) => void events.push(event),
    ...options,
  });
  return { transport, events, client: createClient(EchoService, transport) };
}

describe("an endpoint whose transport cannot be made is one that cannot be connected to", () => {
  const fails: Readonly<Record<string, () => EndpointTransport>> = {
    "the factory throws": () => {
      throw new TypeError("no such host");
    },
    "the factory returns nothing": () => undefined as never,
    "the factory returns something else": () => ({ unary: 5 }) as never,
    "its connect() throws": () => ({
      connect: () => {
        throw new Error("no");
      },
      unary: () => Promise.reject(new Error("not called")),
      stream: () => Promise.reject(new Error("not called")),
    }),
  };

  test.each(Object.entries(fails))("%s: no call fails, and it is ejected", async (_, make) => {
    await using server = await startEchoServer({ httpVersion: "2" });
    const inner = createBalancedTransport({ target: `static:///127.0.0.1:${server.port}`, tls: false });
    const { client, transport } = clientOf([1, server.port], {
      createEndpointTransport: ({ port }) => (port === 1 ? make() : inner),
    });
    for (let i = 0; i < 20; i++) await client.post({});
    expect(server.calls).toBe(20);
    const states = transport.snapshot().endpoints.map(({ breaker, inFlight }) => [breaker, inFlight]);
    expect(states).toEqual([
      ["ejected", 0],
      ["closed", 0],
    ]);
  });

  test("alone, it fails the call, which says why", async () => {
    const { client } = clientOf([1], { createEndpointTransport: fails["the factory throws"] as () => never });
    const error = await rejection(client.post({}));
    expect(error).toMatchObject({ code: Code.Unavailable });
    const [attempt] = callReport(error)?.attempts ?? [];
    expect(attempt).toMatchObject({ outcome: "not-sent", error: { cause: { message: "no such host" } } });
  });
});

describe.each(["2", "1.1"] as const)("HTTP/%s: an address that another program owns now", (httpVersion) => {
  test.each([401, 403, 404])("answers %i: the server is left, and looked up again", async (status) => {
    const other = httpVersion === "2" ? createHttp2Server() : createHttp1Server();
    other.on("request", (_request, response) => {
      response.writeHead(status, { "content-type": "text/html" });
      response.end("<html>not here</html>");
    });
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    using clock = shiftedClock();
    await using server = await startEchoServer({ httpVersion });
    let lookUps = 0;
    const endpoints = [port, server.port].map((each) => ({ address: "127.0.0.1", port: each }));
    const resolve = async () => {
      lookUps += 1;
      return { kind: "endpoints" as const, endpoints, ttlMs: 60_000 };
    };
    const { client, transport } = clientOf([], {
      target: { target: "servers", authority: "users.test", resolve },
      httpVersion,
      picker: "round-robin",
    });
    await transport.refresh();
    clock.aheadMs = 1_000;
    // Ten failures make a ratio; the first of them are retried, as far as the budget of a process at rest goes.
    const calls: boolean[] = [];
    for (let i = 0; i < 60; i++) {
      calls.push(
        await client.get({}).then(
          () => true,
          () => false,
        ),
      );
    }
    expect(calls.filter((isGood) => !isGood).length).toBeLessThanOrEqual(8);
    expect(calls.slice(25)).toEqual(Array(35).fill(true));
    expect(lookUps).toBeGreaterThan(1);
    expect(transport.snapshot().endpoints.map(({ breaker }) => breaker)).toEqual(["ejected", "closed"]);
    other.close();
    transport.close();
  });

  test.each([
    [Code.Unauthenticated, 401],
    [Code.PermissionDenied, 403],
    [Code.NotFound, 404],
  ])("a handler's own %i is the caller's, and so is a proxy's before it", async (code, status) => {
    using server = await startFaultyServer({
      httpVersion,
      onRequest: ({ response, number, answer }) => {
        // The first answer is the handler's; from then on a proxy in front of it refuses.
        if (number === 1 || code === Code.NotFound) answer();
        else {
          response.statusCode = status;
          response.end("no");
        }
      },
    });
    const { client, transport, events } = clientOf([server.port], { httpVersion });
    await client.get({});
    for (let i = 0; i < 20; i++) {
      await rejection(code === Code.NotFound ? client.get({ failCode: code }) : client.get({}));
    }
    expect(server.requests).toBe(21);
    expect(transport.snapshot()).toMatchObject({
      retryBudget: { debt: 0 },
      endpoints: [{ breaker: "closed", load: 0 }],
    });
    expect(notable(events).map(({ type }) => type)).toEqual(["resolved"]);
  });
});

test.each(["EMFILE", "ENFILE", "ENOBUFS", "EADDRNOTAVAIL"])(
  "%s while dialling says nothing of the server",
  async (code) => {
    let isShort = true;
    await using server = await startEchoServer({ httpVersion: "2" });
    const inner = createBalancedTransport({ target: `static:///127.0.0.1:${server.port}`, tls: false });
    const { client, transport } = clientOf([server.port], {
      createEndpointTransport: () => ({
        ...inner,
        connect: () =>
          isShort
            ? Promise.reject(Object.assign(new Error(`connect ${code}`), { code, syscall: "connect" }))
            : undefined,
        unary: inner.unary.bind(inner),
        stream: inner.stream.bind(inner),
      }),
    });
    for (let i = 0; i < 5; i++) {
      expect(await rejection(client.post({}))).toMatchObject({ message: expect.stringContaining(code) });
    }
    expect(transport.snapshot().endpoints).toMatchObject([{ breaker: "closed", load: 0, inFlight: 0 }]);
    isShort = false;
    await client.post({});
  },
);

test("sixty requests of a megabyte at once", async () => {
  const servers = await Promise.all([1, 2, 3].map(() => startEchoServer({ httpVersion: "2" })));
  const { client, transport } = clientOf(servers.map(({ port }) => port));
  const text = "x".repeat(1_000_000);
  const calls = await Promise.allSettled(Array.from({ length: 60 }, () => client.post({ text })));
  expect(calls.filter(({ status }) => status === "rejected")).toEqual([]);
  expect(transport.snapshot().endpoints.map(({ breaker }) => breaker)).toEqual(Array(3).fill("closed"));
  for (const server of servers) server.kill();
});

test("a server that ends its sessions without an error has lost the calls, and is not ejected", async () => {
  using server = await startFaultyServer({
    httpVersion: "2",
    onRequest: ({ stream, number, answer }) => (number <= 4 ? stream?.session?.destroy() : answer()),
  });
  const { client, transport } = clientOf([server.port]);
  for (let i = 0; i < 2; i++) {
    expect(await rejection(client.post({}))).toMatchObject({ rawMessage: "the connection to the server was lost" });
  }
  await client.get({});
  expect(transport.snapshot().endpoints).toMatchObject([{ breaker: "closed" }]);
});

test("the tenth live transport of one target is told, and again only after some have gone", async () => {
  const events: BalancedTransportEvent[] = [];
  const make = () =>
    createBalancedTransport({ target: "static:///ten.example.com:1", onEvent: (event) => void events.push(event) });
  const made = Array.from({ length: 9 }, make);
  expect(events).toEqual([]);
  made.push(make());
  const told = { type: "many-transports", target: "static:///ten.example.com:1", transports: 10 };
  expect(events).toEqual([told]);
  made.push(make());
  for (const transport of made.splice(0, 2)) for (let twice = 0; twice < 2; twice++) transport.close();
  expect(events).toEqual([told]);
  made.push(make());
  expect(events).toEqual([told, told]);
  for (const transport of made) transport.close();
});

describe.each(["2", "1.1"] as const)("HTTP/%s", (httpVersion) => {
  test("transports that were dropped without close() let their connections go", async () => {
    await using server = await startEchoServer({ httpVersion });
    const use = async () => {
      const { client } = clientOf([server.port], { httpVersion });
      await client.post({});
    };
    for (let i = 0; i < 20; i++) await use();
    expect(server.connections).toBe(20);
    await vi.waitFor(
      async () => {
        await collectGarbage();
        expect(server.open).toBeLessThan(3);
      },
      { interval: 20, timeout: 8_000 },
    );
  });

  test("a call goes on although its transport was dropped, and so does a stream", async () => {
    await using server = await startEchoServer({ httpVersion });
    const call = (() => clientOf([server.port], { httpVersion }).client.post({ delayMs: 300 }))();
    const stream = (() =>
      clientOf([server.port], { httpVersion }).client.serverStream({ count: 4, intervalMs: 100 }))();
    const collecting = setInterval(() => void collectGarbage(), 20);
    try {
      await call;
      let messages = 0;
      for await (const _ of stream) messages += 1;
      expect(messages).toBe(4);
    } finally {
      clearInterval(collecting);
    }
  });
});

test("an error of a handler's is not mistaken for another program's", async () => {
  using server = await startFaultyServer({ httpVersion: "2" });
  const { client, transport } = clientOf([server.port]);
  for (let i = 0; i < 20; i++) {
    const error = await rejection(client.get({ failCode: Code.Unimplemented }));
    expect(ConnectError.from(error).isWireError).toBe(true);
  }
  expect(transport.snapshot().endpoints).toMatchObject([{ breaker: "closed", load: 0 }]);
});

test.each(["connect", "grpc", "grpc-web"] as const)(
  "a connection whose stream IDs are nearly used up is replaced, and no call fails, %s",
  async (protocol) => {
    await using server = await startEchoServer({ httpVersion: "2" });
    const { client } = clientOf([server.port], { protocol });
    let session: ClientHttp2Session | undefined;
    const onStream = (message: unknown): void => {
      session = (message as { stream: ClientHttp2Stream }).stream.session as ClientHttp2Session;
    };
    subscribe("http2.client.stream.created", onStream);
    try {
      await client.post({});
    } finally {
      unsubscribe("http2.client.stream.created", onStream);
    }
    // The last ones that a client may open (RFC 9113 section 5.1.1).
    (session as unknown as { setNextStreamID(id: number): void }).setNextStreamID(2 ** 31 - 11);
    for (let call = 0; call < 20; call++) await client.post({});
    await Promise.all(Array.from({ length: 50 }, () => client.get({})));
    expect(server.connections).toBe(2);
    expect(server.calls).toBe(71);
  },
);
