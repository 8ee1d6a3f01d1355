import { type AddressInfo, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { type BalancedTransportOptions, createBalancedTransport } from "../../src/node.ts";
import { rejection } from "../support/endpoint-client.ts";
import { type FaultyRequest, startFaultyServer } from "../support/faulty-server.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { startScriptedStreams } from "../support/scripted-server.ts";
import { type EchoServer, startEchoServer } from "../support/servers.ts";

const retry = { baseDelayMs: 1, maxDelayMs: 2, idempotentMethods: ["connectlb.test.v1.EchoService/*"] };

function clientOf(port: number, options: Partial<BalancedTransportOptions> = {}) {
  const target = `static:///127.0.0.1:${port}`;
  const transport = createBalancedTransport({ target, tls: false, retry, ...options });
  return { client: createClient(EchoService, transport), transport };
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

async function texts(messages: AsyncIterable<{ text: string }>): Promise<string[]> {
  const all: string[] = [];
  for await (const { text } of messages) all.push(text);
  return all;
}

describe.each([
  ["connect", "2"],
  ["grpc", "2"],
  ["grpc-web", "2"],
  ["connect", "1.1"],
  ["grpc-web", "1.1"],
] as const)("a server stream whose end has come before its reader, %s over HTTP/%s", (protocol, httpVersion) => {
  const ended = async (server: EchoServer) => {
    await expect.poll(() => server.calls > 0 && server.active === 0, { interval: 2 }).toBe(true);
    await turns(20);
  };

  test.each([0, 1, 4])("is read to its end: %i messages", async (count) => {
    await using server = await startEchoServer({ httpVersion });
    const { client, transport } = clientOf(server.port, { protocol, httpVersion });
    const messages = client.serverStream({ count });
    await ended(server);
    expect(await texts(messages)).toHaveLength(count);
    expect(transport.snapshot().endpoints[0]?.inFlight).toBe(0);
  });

  test("is read to its end although its server has left", async () => {
    await using server = await startEchoServer({ httpVersion });
    const { client } = clientOf(server.port, { protocol, httpVersion });
    const messages = client.serverStream({ count: 4 });
    await ended(server);
    server.kill();
    await turns(20);
    expect(await texts(messages)).toHaveLength(4);
  });

  test("still fails with its server's error", async () => {
    await using server = await startEchoServer({ httpVersion });
    const { client } = clientOf(server.port, { protocol, httpVersion });
    const messages = client.serverStream({ failCode: Code.DataLoss });
    await ended(server);
    expect(await rejection(texts(messages))).toMatchObject({ code: Code.DataLoss });
  });
});

describe.each([
  ["connect", "2"],
  ["grpc", "2"],
  ["connect", "1.1"],
] as const)("a server stream that fails before its first message, %s over HTTP/%s", (protocol, httpVersion) => {
  const failing = () => new ConnectError("starting", Code.Unavailable);

  test("fails: its headers have been seen", async () => {
    using server = await startScriptedStreams(httpVersion, async function* () {
      yield* [];
      throw failing();
    });
    const { client } = clientOf(server.port, { protocol, httpVersion });
    const error = await rejection(texts(client.serverStream({})));
    expect(error).toMatchObject({ code: Code.Unavailable, rawMessage: "starting" });
    expect(server.calls).toBe(1);
  });

  test("is repeated with peekStreams", async () => {
    using server = await startScriptedStreams(httpVersion, async function* (execution) {
      if (execution < 3) throw failing();
      yield* ["a", "b"];
    });
    const { client, transport } = clientOf(server.port, {
      protocol,
      httpVersion,
      retry: { ...retry, peekStreams: true },
    });
    expect(await texts(client.serverStream({}))).toEqual(["a", "b"]);
    expect(server.calls).toBe(3);
    expect(transport.snapshot().endpoints[0]?.inFlight).toBe(0);
  });

  test("is not repeated after its first message, also with peekStreams", async () => {
    using server = await startScriptedStreams(httpVersion, async function* () {
      yield "a";
      throw failing();
    });
    const { client, transport } = clientOf(server.port, {
      protocol,
      httpVersion,
      retry: { ...retry, peekStreams: true },
    });
    const seen: string[] = [];
    const reading = async () => {
      for await (const { text } of client.serverStream({})) seen.push(text);
    };
    expect(await rejection(reading())).toMatchObject({ code: Code.Unavailable });
    expect(seen).toEqual(["a"]);
    expect(server.calls).toBe(1);
    expect(transport.snapshot().endpoints[0]?.inFlight).toBe(0);
  });

  test("an empty one ends, also with peekStreams", async () => {
    using server = await startScriptedStreams(httpVersion, async function* () {
      yield* [];
    });
    const { client } = clientOf(server.port, { protocol, httpVersion, retry: { ...retry, peekStreams: true } });
    expect(await texts(client.serverStream({}))).toEqual([]);
  });

  test("the caller's abort and deadline end the wait for the first message", async () => {
    using server = await startScriptedStreams(httpVersion, async function* (_, { signal }) {
      yield* [];
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    });
    const { client, transport } = clientOf(server.port, {
      protocol,
      httpVersion,
      retry: { ...retry, peekStreams: true },
    });
    const controller = new AbortController();
    const aborted = rejection(texts(client.serverStream({}, { signal: controller.signal })));
    await expect.poll(() => server.calls, { interval: 2 }).toBe(1);
    controller.abort();
    expect(await aborted).toMatchObject({ code: Code.Canceled });
    expect(await rejection(texts(client.serverStream({}, { timeoutMs: 50 })))).toMatchObject({
      code: Code.DeadlineExceeded,
    });
    expect(transport.snapshot().endpoints[0]?.inFlight).toBe(0);
  });
});

test("a bidirectional stream is never peeked: its server may wait for the client", async () => {
  await using server = await startEchoServer({ httpVersion: "2" });
  const { client } = clientOf(server.port, { retry: { ...retry, peekStreams: true } });
  async function* requests() {
    yield { text: "a" };
    yield { text: "b" };
  }
  expect(await texts(client.bidiStream(requests()))).toEqual(["a", "b"]);
});

describe.each(["clientStream", "bidiStream"] as const)("the requests of a %s", (kind) => {
  async function call(
    port: number,
    options: Partial<BalancedTransportOptions>,
    requests: AsyncIterable<{ text: string }>,
  ) {
    const { client } = clientOf(port, options);
    return kind === "clientStream" ? [(await client.clientStream(requests)).text] : texts(client.bidiStream(requests));
  }

  test("are sent elsewhere as long as none was pulled", async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, "127.0.0.1", resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    await using server = await startEchoServer({ httpVersion: "2" });
    let iterators = 0;
    const requests: AsyncIterable<{ text: string }> = {
      async *[Symbol.asyncIterator]() {
        iterators += 1;
        yield { text: "a" };
      },
    };
    const target = `static:///127.0.0.1:${port},127.0.0.1:${server.port}`;
    const picker: BalancedTransportOptions["picker"] = (candidates) => ({ pick: () => candidates[0] as never });
    expect(await call(0, { target, picker }, requests)).toEqual(["a"]);
    expect(iterators).toBe(1);
  });

  test("are not sent again once one was pulled", async () => {
    const lose = ({ stream, number, answer }: FaultyRequest) => {
      if (number > 1) answer();
      else stream?.once("data", () => stream.session?.destroy());
    };
    using server = await startFaultyServer({ httpVersion: "2", onRequest: lose });
    async function* requests() {
      yield { text: "a" };
      await sleep(1_000, undefined, { ref: false });
    }
    expect(await rejection(call(server.port, {}, requests()))).toMatchObject({ code: Code.Unavailable });
    expect(server.requests).toBe(1);
  });
});

test("back-pressure is kept: a server that does not read is not sent much", async () => {
  await using server = await startEchoServer({ httpVersion: "2" });
  let pulled = 0;
  async function* requests() {
    for (; pulled < 1_000; pulled++) yield { text: "x".repeat(65_536), delayMs: 60_000 };
  }
  const { client } = clientOf(server.port);
  const controller = new AbortController();
  const call = rejection(client.clientStream(requests(), { signal: controller.signal }));
  await sleep(300);
  const early = pulled;
  await sleep(200);
  expect(pulled).toBe(early);
  expect(pulled).toBeLessThan(200);
  controller.abort();
  await call;
});

test("back-pressure is kept: a consumer that does not read stops its server", async () => {
  using server = await startScriptedStreams("2", async function* () {
    // connect-node's server would wait for no one.
    for (let sent = 0; sent < 200; sent++) yield "x".repeat(65_536);
  });
  const { client } = clientOf(server.port, { connect: { acceptCompression: [] } });
  const messages = client.serverStream({})[Symbol.asyncIterator]();
  await messages.next();
  await sleep(200);
  expect(server.bytesSent).toBeLessThan(1_000_000);
  for (let read = 1; read < 200; read++) await messages.next();
  expect(server.bytesSent).toBeGreaterThan(200 * 65_536);
});

describe.each([
  ["connect", "2"],
  ["grpc", "2"],
  ["connect", "1.1"],
] as const)("request messages whose source fails blame nobody, %s over HTTP/%s", (protocol, httpVersion) => {
  const sources: Readonly<Record<string, () => Promise<unknown>>> = {
    "its own bug": () => Promise.reject(new TypeError("x is not a function")),
    "a refused connection": () => fetch("http://127.0.0.1:1/"),
    "a call that found no server": () => clientOf(1, { target: "static:///127.0.0.1:1", retry: false }).client.get({}),
    "a refused stream": () => Promise.reject(new Error("Stream closed with error code NGHTTP2_REFUSED_STREAM")),
  };
  const kinds = httpVersion === "2" ? (["clientStream", "bidiStream"] as const) : (["clientStream"] as const);

  test.each(Object.entries(sources))("%s, before and after the first message", async (_, fail) => {
    await using server = await startEchoServer({ httpVersion });
    const { client, transport } = clientOf(server.port, { protocol, httpVersion });
    for (const kind of kinds) {
      for (const before of [0, 1]) {
        async function* requests() {
          for (let i = 0; i < before; i++) yield { text: "one" };
          await fail();
        }
        const response = client[kind](requests());
        const reading = Symbol.asyncIterator in response ? texts(response) : response;
        expect(await rejection(reading)).toBeInstanceOf(ConnectError);
      }
    }
    expect(transport.snapshot()).toMatchObject({
      retryBudget: { debt: 0 },
      endpoints: [{ breaker: "closed", load: 0, inFlight: 0 }],
    });
    expect(server.calls).toBeLessThanOrEqual(2 * kinds.length);
  });
});
