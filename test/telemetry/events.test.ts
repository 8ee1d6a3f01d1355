import { Code, createClient } from "@connectrpc/connect";
import { describe, expect, test, vi } from "vitest";
import { startDnsServer } from "../../examples/demo/dns-server.ts";
import {
  type BalancedTransportEvent,
  type BalancedTransportOptions,
  balancedTransportFromEnv,
  createBalancedTransport,
  type Resolver,
} from "../../src/node.ts";
import { closedPort } from "../support/closed-port.ts";
import { rejection } from "../support/endpoint-client.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { type EchoServer, startEchoServer } from "../support/servers.ts";
import { shiftedClock } from "../support/shifted-clock.ts";

// Each event names its transport, and there is one for each thing that an operator asks after.

const wires = [
  ["connect", "2"],
  ["grpc", "2"],
  ["connect", "1.1"],
] as const;

type EventOf<T extends BalancedTransportEvent["type"]> = BalancedTransportEvent & { readonly type: T };

function clientOf(options: Partial<BalancedTransportOptions> & Pick<BalancedTransportOptions, "target">) {
  const events: BalancedTransportEvent[] = [];
  const transport = createBalancedTransport({
    tls: false,
    retry: { baseDelayMs: 1, maxDelayMs: 2 },
    onEvent: (event) => void events.push(event),
    ...options,
  });
  const eventsOf = <T extends BalancedTransportEvent["type"]>(...types: T[]) =>
    events.filter((event): event is EventOf<T> => (types as string[]).includes(event.type));
  return { client: createClient(EchoService, transport), transport, events, eventsOf };
}

const staticTarget = (...ports: number[]) => `static:///${ports.map((port) => `127.0.0.1:${port}`).join(",")}`;

describe("where an event comes from", () => {
  test("its target, and the name of a transport that has one", async () => {
    await using server = await startEchoServer({ httpVersion: "2" });
    const target = staticTarget(await closedPort(), server.port);
    const env = { CONNECT_LB_ORDERS_TARGET: target, CONNECT_LB_TARGET: target, CONNECT_LB_TLS: "false" };
    for (const name of ["orders", undefined]) {
      const events: BalancedTransportEvent[] = [];
      const onEvent = (event: BalancedTransportEvent) => void events.push(event);
      // The first one is always down.
      const picker: BalancedTransportOptions["picker"] = (all) => ({ pick: () => all[0] as (typeof all)[number] });
      const transport = balancedTransportFromEnv(name, { env, onEvent, picker });
      const client = createClient(EchoService, transport);
      for (let i = 0; i < 4; i++) await client.get({});
      transport.close();
      expect(new Set(events.map(({ type }) => type))).toContain("retry");
      expect(new Set(events.map((event) => event.target))).toEqual(new Set([target]));
      expect(new Set(events.map((event) => event.name))).toEqual(new Set([name]));
    }
  });
});

describe("look-ups", () => {
  test("say how long they took, why they ran, what they found and whom they asked", async () => {
    const dns = await startDnsServer();
    await using server = await startEchoServer({ httpVersion: "2" });
    try {
      const name = "_grpc._tcp.users.test";
      const { client, transport, eventsOf } = clientOf({
        target: `srv://${dns.address}/${name}`,
        connectTimeoutMs: 50,
      });
      await rejection(client.get({}));
      dns.srv(name, [{ port: server.port, target: "one.users.test", address: "127.0.0.1" }], 5);
      await transport.refresh();
      expect(eventsOf("looked-up")).toMatchObject([
        { reason: "first", result: "empty", servers: [dns.address], durationMs: expect.any(Number) },
        { reason: "forced", result: "endpoints", servers: [dns.address] },
      ]);
    } finally {
      await dns.close();
    }
  });

  test("that fail name those that they asked, a resolver of the user's as well", async () => {
    const port = await closedPort();
    const srv = clientOf({ target: `srv://127.0.0.1:${port}/_grpc._tcp.users.test` });
    const consul = clientOf({ target: `consul+http://127.0.0.1:${port}/users` });
    const mine: Resolver = {
      target: "mine",
      async resolve({ asked }) {
        asked?.("registry-1");
        throw new Error("down");
      },
    };
    for (const { client, eventsOf } of [srv, consul]) {
      await rejection(client.get({}));
      expect(eventsOf("looked-up")).toMatchObject([{ result: "failed", servers: [`127.0.0.1:${port}`] }]);
    }
    const own = clientOf({ target: mine });
    await rejection(own.client.get({}));
    expect(own.eventsOf("looked-up")).toMatchObject([{ target: "mine", result: "failed", servers: ["registry-1"] }]);
  });

  test("of the fallback target say so", async () => {
    const down = (target: string): Resolver => ({ target, resolve: () => Promise.reject(new Error("down")) });
    const { client, eventsOf } = clientOf({ target: down("first"), fallbackTarget: down("second") });
    await rejection(client.get({}));
    const seen = eventsOf("resolve-failed").map(({ target, fallback }) => [target, fallback]);
    expect(seen).toEqual(
      expect.arrayContaining([
        ["first", undefined],
        ["first", true],
      ]),
    );
    expect(seen).toHaveLength(2);
  });
});

describe.each(wires)("connections of %s over HTTP/%s", (protocol, httpVersion) => {
  const wire = { protocol, httpVersion };
  const ends = async (end: (server: EchoServer, pass: (ms: number) => void) => void, next?: "call" | "close") => {
    using clock = shiftedClock();
    await using server = await startEchoServer({ httpVersion });
    const { client, transport, eventsOf } = clientOf({ target: staticTarget(server.port), ...wire });
    await client.get({});
    const [opened] = eventsOf("connection-opened");
    expect(opened).toMatchObject({ endpoint: { port: server.port }, address: "127.0.0.1" });
    expect(opened?.durationMs).toBeGreaterThanOrEqual(0);
    expect(eventsOf("connection-closed")).toEqual([]);
    end(server, (ms) => {
      clock.aheadMs += ms;
    });
    if (next === "call") await client.get({});
    if (next === "close") transport.close();
    await expect.poll(() => eventsOf("connection-closed")).toHaveLength(1);
    return eventsOf("connection-closed")[0]?.reason;
  };

  test("end because they were idle, because the server left, by the transport's end, or were lost", async () => {
    expect(await ends((_, pass) => pass(3_600_000), "call")).toBe("idle");
    expect(await ends(() => {}, "close")).toBe("closed");
    expect(await ends((server) => server.kill())).toBe("lost");
    if (httpVersion === "2") expect(await ends((server) => server.drain())).toBe("goaway");
  });
});

describe("whom calls are served by", () => {
  test("is told when a panic begins and ends", async () => {
    using clock = shiftedClock();
    await using server = await startEchoServer({ httpVersion: "2" });
    await using other = await startEchoServer({ httpVersion: "2" });
    const { client, eventsOf } = clientOf({
      target: staticTarget(server.port, other.port),
      retry: false,
      breaker: { consecutiveFailures: 1 },
    });
    for (let i = 0; i < 8; i++) await rejection(client.get({ failCode: Code.Internal }));
    expect(eventsOf("serving")[0]).toMatchObject({ tier: 0, fallback: false });
    expect(eventsOf("serving").at(-1)?.mode).not.toBe("eligible");
    clock.aheadMs += 3_600_000;
    for (let i = 0; i < 4; i++) await client.get({});
    expect(eventsOf("serving").at(-1)).toMatchObject({ tier: 0, mode: "eligible" });
  });

  test("is told when the fallback target begins and ends to serve", async () => {
    using clock = shiftedClock();
    await using fallback = await startEchoServer({ httpVersion: "2" });
    const port = await closedPort();
    const { client, eventsOf } = clientOf({
      target: staticTarget(port),
      fallbackTarget: staticTarget(fallback.port),
    });
    await client.get({});
    expect(eventsOf("serving")).toMatchObject([{ mode: "eligible", fallback: true, tier: 1 }]);
    await using _back = await startEchoServer({ httpVersion: "2", port });
    clock.aheadMs += 60_000;
    await client.get({});
    await client.get({});
    expect(eventsOf("serving").at(-1)).toMatchObject({ mode: "eligible", fallback: false, tier: 0 });
  });

  test("is not told where nothing is wrong", async () => {
    await using server = await startEchoServer({ httpVersion: "2" });
    const { client, eventsOf } = clientOf({ target: staticTarget(server.port) });
    await client.get({});
    expect(eventsOf("serving")).toEqual([]);
  });
});

describe("a callback that fails is told once, and changes nothing", () => {
  const broken = () => {
    throw new Error("a bug of the user's");
  };
  const told = (events: readonly BalancedTransportEvent[]) =>
    events.flatMap((event) => (event.type === "callback-failed" ? [[event.callback, `${event.error}`]] : []));

  test.each<[string, string, Partial<BalancedTransportOptions>]>([
    ["a picker's factory that throws", "a bug of the user's", { picker: broken }],
    ["a picker that throws", "a bug of the user's", { picker: () => ({ pick: broken }) }],
    ["a factory that returns no picker", "must return an object with pick()", { picker: () => ({}) as never }],
    ["a pick of nothing", "one of the candidates", { picker: () => ({ pick: () => undefined as never }) }],
  ])("%s", async (_, message, options) => {
    await using server = await startEchoServer({ httpVersion: "2" });
    const { client, events } = clientOf({ target: staticTarget(server.port), ...options });
    for (let i = 0; i < 3; i++) await client.get({});
    expect(told(events)).toEqual([["picker", expect.stringContaining(message)]]);
  });

  test("a picker's factory that empties its candidates", async () => {
    await using server = await startEchoServer({ httpVersion: "2" });
    const { client, transport } = clientOf({
      target: staticTarget(server.port),
      picker: (candidates) => {
        (candidates as unknown[]).length = 0;
        return { pick: () => candidates[0] as never };
      },
    });
    for (let i = 0; i < 3; i++) await client.get({});
    expect(transport.snapshot().endpoints).toHaveLength(1);
  });

  test.each([
    ["throws", broken],
    ["returns nothing", () => undefined as never],
  ])("a factory of transports that %s", async (_, createEndpointTransport) => {
    const { client, events } = clientOf({ target: staticTarget(1), createEndpointTransport });
    for (let i = 0; i < 3; i++) expect(await rejection(client.get({}))).toMatchObject({ code: Code.Unavailable });
    expect(told(events).map(([callback]) => callback)).toEqual(["createEndpointTransport"]);
  });

  test.each([
    ["throws", broken],
    ["rejects", async () => broken()],
  ])("a transport's close() that %s", async (_, close) => {
    const transport = { unary: broken, stream: broken, close };
    const made = clientOf({ target: staticTarget(1), createEndpointTransport: () => transport });
    await rejection(made.client.get({}));
    made.transport.close();
    await expect.poll(() => told(made.events)).toEqual([["close", expect.stringContaining("a bug of the user's")]]);
  });

  test.each([
    ["throws", broken],
    ["rejects", async () => broken()],
  ])("a listener that %s is told in the log", async (_, onEvent) => {
    await using server = await startEchoServer({ httpVersion: "2" });
    const lines: string[] = [];
    const write = vi.spyOn(process.stderr, "write").mockImplementation((line) => lines.push(String(line)) > 0);
    try {
      const { client } = clientOf({ target: staticTarget(server.port), onEvent, log: "info" });
      for (let i = 0; i < 3; i++) await client.get({});
      await expect.poll(() => lines.filter((line) => line.includes("callback-failed"))).toHaveLength(1);
      expect(lines.join("")).toMatch(/level=warn msg="connect-lb: callback-failed" target=\S+ callback=onEvent/);
    } finally {
      write.mockRestore();
    }
  });
});
