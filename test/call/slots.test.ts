import { getEventListeners } from "node:events";
import type { DescMessage, DescMethodStreaming, MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type BalancedTransport, createBalancedTransport } from "../../src/node.ts";
import { collectGarbage } from "../support/collect-garbage.ts";
import { type EchoRequestSchema, EchoService } from "../support/gen/echo_pb.ts";
import { type EchoServer, startEchoServer } from "../support/servers.ts";

// What a call holds while it runs: its endpoint's slot, a listener on the caller's signal, a handler on the server.

type Request = MessageInitShape<typeof EchoRequestSchema>;

const kinds = ["get", "serverStream", "clientStream", "bidiStream"] as const;
type Kind = (typeof kinds)[number];

let server: EchoServer;
let transport: BalancedTransport;
let controller: AbortController;

beforeAll(async () => {
  server = await startEchoServer({ httpVersion: "2" });
});
afterAll(() => server.kill());

function setUp(protocol: "connect" | "grpc"): void {
  transport = createBalancedTransport({ target: `static:///127.0.0.1:${server.port}`, protocol, tls: false });
  controller = new AbortController();
}

const inFlight = () => transport.snapshot().endpoints[0]?.inFlight;

/** The response messages, not yet read; a unary call's as a stream of one. */
async function open(kind: Kind, request: Request, timeoutMs?: number): Promise<AsyncIterable<unknown>> {
  if (kind === "get") {
    const options = { signal: controller.signal, ...(timeoutMs === undefined ? {} : { timeoutMs }) };
    const response = createClient(EchoService, transport).get(request, options);
    // Some tests do not read it.
    response.catch(() => {});
    return (async function* () {
      yield await response;
    })();
  }
  const method: DescMethodStreaming = EchoService.method[kind];
  const response = await transport.stream(method, controller.signal, timeoutMs, undefined, requests(kind, request));
  return response.message;
}

async function* requests(kind: Kind, request: Request): AsyncIterable<MessageInitShape<DescMessage>> {
  yield request;
  // A bidirectional stream stays open from both sides.
  if (kind === "bidiStream" && request.count !== 1) await new Promise(() => {});
}

/** Every message; the code of the error that ended them. */
async function read(messages: Promise<AsyncIterable<unknown>> | AsyncIterable<unknown>): Promise<Code | "end"> {
  try {
    for await (const _ of await messages);
    return "end";
  } catch (error) {
    return ConnectError.from(error).code;
  }
}

/** A request whose call goes on for longer than any test: a stream after its first message, others before it. */
const endless = (kind: Kind): Request =>
  kind === "serverStream" ? { count: 1_000, intervalMs: 60_000 } : kind === "bidiStream" ? {} : { delayMs: 60_000 };

async function expectNothingHeld(): Promise<void> {
  expect(inFlight()).toBe(0);
  expect(getEventListeners(controller.signal, "abort")).toEqual([]);
  // The server hears of an end a moment later.
  await vi.waitFor(() => expect(server.active).toBe(0), { interval: 5 });
  expect(inFlight()).toBe(0);
}

describe.each(["connect", "grpc"] as const)("over %s, nothing is held after", (protocol) => {
  describe.each(kinds)("%s", (kind) => {
    test("its end", async () => {
      setUp(protocol);
      expect(await read(open(kind, { count: 1 }))).toBe("end");
      await expectNothingHeld();
    });

    test("an error of the server's", async () => {
      setUp(protocol);
      expect(await read(open(kind, { failCode: Code.Aborted }))).toBe(Code.Aborted);
      await expectNothingHeld();
    });

    test("the caller's abort", async () => {
      setUp(protocol);
      const reading = read(open(kind, endless(kind)));
      await vi.waitFor(() => expect(server.active).toBe(1), { interval: 2 });
      expect(inFlight()).toBe(1);
      controller.abort();
      expect(await reading).toBe(Code.Canceled);
      await expectNothingHeld();
    });

    test("its deadline", async () => {
      setUp(protocol);
      expect(await read(open(kind, endless(kind), 60))).toBe(Code.DeadlineExceeded);
      await expectNothingHeld();
    });

    test("its deadline while nobody reads", async () => {
      setUp(protocol);
      const unread = open(kind, endless(kind), 60).catch(() => {});
      await vi.waitFor(() => expect(inFlight()).toBe(1), { interval: 2 });
      await vi.waitFor(() => expect(inFlight()).toBe(0), { interval: 5 });
      await unread;
      await expectNothingHeld();
    });

    test("the garbage collector, when the caller has forgotten it", async () => {
      setUp(protocol);
      await forget(kind);
      await vi.waitFor(
        async () => {
          await collectGarbage();
          expect(inFlight()).toBe(0);
        },
        // Nobody says when the collector comes round.
        { interval: 20, timeout: 8_000 },
      );
      await expectNothingHeld();
    });
  });

  describe.each(["serverStream", "clientStream", "bidiStream"] as const)("%s", (kind) => {
    test("the caller stopped reading, once or twice", async () => {
      setUp(protocol);
      // A client stream's one message comes at its end.
      const messages = await open(kind, kind === "clientStream" ? {} : endless(kind));
      const iterator = messages[Symbol.asyncIterator]();
      expect((await iterator.next()).done).toBe(false);
      expect(inFlight()).toBe(1);
      await iterator.return?.();
      await iterator.return?.();
      controller.abort();
      await expectNothingHeld();
    });

    test("an end that was read to, stopped and aborted", async () => {
      setUp(protocol);
      const messages = await open(kind, { count: 1 });
      expect(await read(messages)).toBe("end");
      await messages[Symbol.asyncIterator]().return?.();
      controller.abort();
      await expectNothingHeld();
    });
  });
});

/** Starts a call in a frame of its own, which keeps nothing. A unary call ends by itself: there is nothing to forget it by. */
async function forget(kind: Kind): Promise<void> {
  if (kind === "get") {
    void open(kind, {});
    await vi.waitFor(() => expect(server.callsByMethod[kind]).toBeGreaterThan(0), { interval: 2 });
    return;
  }
  const messages = await open(kind, kind === "clientStream" ? {} : endless(kind));
  await messages[Symbol.asyncIterator]().next();
  expect(inFlight()).toBe(1);
}
