import { Code, ConnectError, createClient, type StreamResponse } from "@connectrpc/connect";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type BalancedTransportOptions, callReport, createBalancedTransport } from "../../src/node.ts";
import { closedPort } from "../support/closed-port.ts";
import { rejection } from "../support/endpoint-client.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { startScriptedServer } from "../support/scripted-server.ts";
import { shiftedClock } from "../support/shifted-clock.ts";

// A call whose deadline has passed ends with DeadlineExceeded, whatever broke before a timer said so. The wall clock is
// moved past the deadline while the timers stay where they are, as a busy event loop would have it.

const timeoutMs = 30_000;
let clock: ReturnType<typeof shiftedClock>;

beforeEach(() => {
  clock = shiftedClock();
});
afterEach(() => clock[Symbol.dispose]());

function balanced(port: number, options: Partial<BalancedTransportOptions> = {}) {
  const transport = createBalancedTransport({ target: `static:///127.0.0.1:${port}`, tls: false, ...options });
  return { transport, client: createClient(EchoService, transport) };
}

test("a server that breaks off when the deadline has passed", async () => {
  using server = await startScriptedServer(() => {
    clock.aheadMs = timeoutMs;
    server[Symbol.dispose]();
  });
  const error = await rejection(balanced(server.port).client.get({}, { timeoutMs }));
  expect(error).toMatchObject({ code: Code.DeadlineExceeded, rawMessage: "the operation timed out" });
  expect(callReport(error)?.attempts.map(({ outcome }) => outcome)).toEqual(["ambiguous"]);
});

test("a connection that is refused when the deadline has passed", async () => {
  const { transport, client } = balanced(await closedPort());
  await transport.refresh();
  const failed = rejection(client.get({}, { timeoutMs }));
  clock.aheadMs = timeoutMs;
  const error = await failed;
  expect(error).toMatchObject({ code: Code.DeadlineExceeded, rawMessage: "the operation timed out" });
  // What is known of the endpoint stays known.
  expect(callReport(error)?.attempts.map(({ outcome }) => outcome)).toEqual(["not-sent"]);
});

test("a search for another server that lasts until the deadline", async () => {
  const { client } = balanced(await closedPort(), {
    onEvent: ({ type }) => {
      if (type === "ejected") clock.aheadMs = timeoutMs;
    },
  });
  const error = await rejection(client.get({}, { timeoutMs }));
  expect(error).toMatchObject({ code: Code.DeadlineExceeded, rawMessage: "the operation timed out" });
});

test("a stream whose server closes it in the same moment as our timer", async () => {
  const closed = new ConnectError("http/2 stream closed with error code CANCEL (0x8)", Code.Canceled);
  const transport = createBalancedTransport({
    target: "static:///127.0.0.1:1",
    tls: false,
    createEndpointTransport: () => ({
      unary: () => Promise.reject(closed),
      stream: async (_method, signal) => {
        const next = () =>
          new Promise<never>((_, reject) => {
            signal?.addEventListener("abort", () => reject(closed));
          });
        // Only what is looked at here.
        return { message: { [Symbol.asyncIterator]: () => ({ next }) } } as Partial<StreamResponse> as StreamResponse<
          never,
          never
        >;
      },
    }),
  });
  const stream = createClient(EchoService, transport).serverStream({}, { timeoutMs: 20 });
  const error = await rejection(stream[Symbol.asyncIterator]().next());
  expect(error).toMatchObject({ code: Code.DeadlineExceeded, rawMessage: "the operation timed out" });
});
