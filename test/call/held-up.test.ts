import { Code, createClient, type Interceptor } from "@connectrpc/connect";
import { afterEach, beforeEach, expect, test } from "vitest";
import { connected } from "../../src/call/wait-for-connection.ts";
import { type BalancedTransportOptions, createBalancedTransport, type Resolver } from "../../src/node.ts";
import { timerMs } from "../../src/runtime.ts";
import { message } from "../dns/records.ts";
import { startCountingListener } from "../support/counting-listener.ts";
import { startDnsPeer } from "../support/dns-peer.ts";
import { manualClock, rejection } from "../support/endpoint-client.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { shiftedClock } from "../support/shifted-clock.ts";

// A process that was held up across a deadline: by a loop, a collection of garbage, a freeze. Nothing more is started,
// and no timer is set to a time that has passed, of which Node warns on stderr.

const timeoutMs = 30_000;
const TOO_LATE = { code: Code.DeadlineExceeded, rawMessage: "the operation timed out" };
let clock: ReturnType<typeof shiftedClock>;
let warnings: Error[];
const onWarning = (warning: Error) => void warnings.push(warning);

beforeEach(() => {
  clock = shiftedClock();
  warnings = [];
  process.on("warning", onWarning);
});
afterEach(async () => {
  clock[Symbol.dispose]();
  // Warnings are given in the next turn.
  await new Promise((resolve) => setImmediate(resolve));
  process.off("warning", onWarning);
  expect(warnings).toEqual([]);
});

function hold(): void {
  clock.aheadMs += timeoutMs;
}

function clientOf(options: BalancedTransportOptions) {
  return createClient(EchoService, createBalancedTransport({ tls: false, ...options }));
}

/** Finds a server of this port after the process was held up. */
function holding(port: number): Resolver {
  return {
    target: "held-up",
    async resolve() {
      hold();
      return { kind: "endpoints", endpoints: [{ address: "127.0.0.1", port }], ttlMs: 60_000 };
    },
  };
}

const holdingInterceptor: Interceptor = (next) => (request) => {
  hold();
  return next(request);
};

test.each(["2", "1.1"] as const)("in a look-up: no server is called, over HTTP/%s", async (httpVersion) => {
  await using server = await startCountingListener();
  const client = () => clientOf({ target: holding(server.port), httpVersion });
  expect(await rejection(client().get({}, { timeoutMs }))).toMatchObject(TOO_LATE);
  const stream = client().serverStream({}, { timeoutMs });
  expect(await rejection(stream[Symbol.asyncIterator]().next())).toMatchObject(TOO_LATE);
  expect(await server.connections()).toBe(0);
});

test("in a look-up for a further attempt: it is not made", async () => {
  await using server = await startCountingListener();
  let lookUps = 0;
  const target: Resolver = {
    target: "moved",
    async resolve() {
      if (++lookUps > 1) hold();
      // Nothing listens on port 1.
      const port = lookUps > 1 ? server.port : 1;
      return { kind: "endpoints", endpoints: [{ address: "127.0.0.1", port }], ttlMs: 60_000 };
    },
  };
  const transport = createBalancedTransport({ target, tls: false });
  await transport.refresh();
  // Look-ups for failed connections keep a distance.
  clock.aheadMs += 200;
  expect(await rejection(createClient(EchoService, transport).get({}, { timeoutMs }))).toMatchObject(TOO_LATE);
  expect(lookUps).toBe(2);
  expect(await server.connections()).toBe(0);
});

test("in an interceptor: nothing is looked up", async () => {
  let lookUps = 0;
  const target: Resolver = {
    target: "never-asked",
    async resolve() {
      lookUps++;
      return { kind: "endpoints", endpoints: [{ address: "127.0.0.1", port: 1 }], ttlMs: 60_000 };
    },
  };
  const client = clientOf({ target, interceptors: [holdingInterceptor] });
  expect(await rejection(client.get({}, { timeoutMs }))).toMatchObject(TOO_LATE);
  const stream = client.serverStream({}, { timeoutMs });
  expect(await rejection(stream[Symbol.asyncIterator]().next())).toMatchObject(TOO_LATE);
  expect(lookUps).toBe(0);
});

test("in a look-up by DNS: a truncated answer is not asked for over TCP", async () => {
  await using peer = await startDnsPeer((query) => {
    clock.aheadMs += 5_000;
    return [message(query, { flags: "8700" })];
  });
  const transport = createBalancedTransport({ target: `srv://${peer.address}/users.test`, tls: false });
  await rejection(transport.refresh());
  expect(peer.queries.map(({ over }) => over)).toEqual(["udp"]);
});

test.each([0, -1, -3_600_000])("in the wait for a connection, with %d ms left", async (leftMs) => {
  const wait = { signal: undefined, leftMs, connectTimeoutMs: 1_000, clock: manualClock() };
  expect(await rejection(connected(new Promise(() => {}), wait))).toMatchObject(TOO_LATE);
});

test("while it connects: a connection that shows before the timer does carries nothing", async () => {
  const wait = { signal: undefined, leftMs: 1_000, connectTimeoutMs: 5_000, clock: manualClock() };
  const failed = rejection(connected(Promise.resolve(), wait));
  wait.clock.time += 1_000;
  expect(await failed).toMatchObject(TOO_LATE);
});

test.each([
  [-1, 0],
  [Number.NEGATIVE_INFINITY, 0],
  [Number.NaN, 0],
  [0, 0],
  [0.5, 0.5],
  [20, 20],
  [2 ** 31, 2 ** 31 - 1],
  [Number.POSITIVE_INFINITY, 2 ** 31 - 1],
])("a timer for %d ms is set to %d", (ms, expected) => {
  expect(timerMs(ms)).toBe(expected);
});
