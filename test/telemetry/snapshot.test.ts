import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { describe, expect, test, vi } from "vitest";
import {
  type BalancedTransportOptions,
  createBalancedTransport,
  type Resolution,
  type Resolver,
  type Snapshot,
} from "../../src/node.ts";
import { rejection } from "../support/endpoint-client.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { startScriptedServer } from "../support/scripted-server.ts";
import { startEchoServer } from "../support/servers.ts";
import { shiftedClock } from "../support/shifted-clock.ts";

// Each field of snapshot(), by what makes it change.

/** A resolver that says this, whatever a test puts in its place later. */
function saying(resolution: Resolution, name = "test"): Resolver & { resolution: Resolution } {
  const resolver = { target: name, authority: "users.test", resolution, resolve: async () => resolver.resolution };
  return resolver;
}

function transportOf(target: Resolver, options: Partial<BalancedTransportOptions> = {}) {
  const transport = createBalancedTransport({ target, tls: false, ...options });
  return { transport, client: createClient(EchoService, transport) };
}

const MINUTE = 60_000;

describe("the answer", () => {
  test("is absent before the first look-up, and so are endpoints", () => {
    const { transport } = transportOf(saying({ kind: "endpoints", endpoints: [], ttlMs: MINUTE }));
    expect(transport.snapshot()).toEqual({ target: "test", endpoints: [], retryBudget: { debt: 0, size: 10 } });
  });

  test("has an age, a TTL, and a time for which it is fresh, negative when a look-up is due", async () => {
    using clock = shiftedClock();
    const endpoints = [{ address: "127.0.0.1", port: 1 }];
    const { transport } = transportOf(saying({ kind: "endpoints", endpoints, ttlMs: MINUTE }));
    await transport.refresh();
    const taken = () => transport.snapshot().answer as NonNullable<Snapshot["answer"]>;
    const young = taken();
    expect(Object.keys(young).sort()).toEqual(["ageMs", "freshForMs", "ttlMs"]);
    expect(young.ttlMs).toBe(MINUTE);
    expect(young.ageMs).toBeLessThan(5_000);
    const fresh = young.ageMs + young.freshForMs;
    expect(fresh).toBeGreaterThanOrEqual(0.8 * MINUTE);
    expect(fresh).toBeLessThanOrEqual(MINUTE);
    clock.aheadMs = 30_000;
    const older = taken();
    expect(older.ageMs).toBeGreaterThanOrEqual(30_000);
    expect(older.freshForMs).toBeCloseTo(fresh - older.ageMs, 6);
    expect(older.freshForMs).toBeGreaterThan(0);
    clock.aheadMs = MINUTE;
    expect(taken().freshForMs).toBeLessThan(0);
  });

  test("has the TTL that counts, within the limits", async () => {
    const resolver = saying({ kind: "endpoints", endpoints: [{ address: "127.0.0.1", port: 1 }], ttlMs: 1 });
    const { transport } = transportOf(resolver, { dns: { minTtlMs: 7_000, maxTtlMs: 9_000 } });
    await transport.refresh();
    expect(transport.snapshot().answer?.ttlMs).toBe(7_000);
    resolver.resolution = { ...resolver.resolution, ttlMs: MINUTE };
    await transport.refresh();
    expect(transport.snapshot().answer?.ttlMs).toBe(9_000);
  });

  test("says why it has no endpoints, and a fallback's its own", async () => {
    const first = saying({ kind: "unavailable", ttlMs: MINUTE, reason: "closed for the season" }, "first");
    const second = saying(
      { kind: "endpoints", endpoints: [{ address: "127.0.0.1", port: 1 }], ttlMs: MINUTE },
      "second",
    );
    const { transport } = transportOf(first, { fallbackTarget: second });
    await transport.refresh();
    expect(transport.snapshot()).toMatchObject({
      target: "first",
      answer: { reason: "closed for the season", ttlMs: 5_000 },
      fallback: { target: "second", answer: { ttlMs: MINUTE, freshForMs: expect.any(Number) } },
      endpoints: [{ address: "127.0.0.1:1", fallback: true }],
    });
    expect(transport.snapshot().fallback?.answer).not.toHaveProperty("reason");
  });
});

describe("an endpoint", () => {
  test("has what the source says of it, by tier", async () => {
    const endpoints = [
      { address: "127.0.0.3", port: 3, tier: 7, weight: 5 },
      { address: "127.0.0.1", port: 1, name: "one.test", weight: 30, tier: 1, metadata: { zone: "a" } },
      { address: "::1", port: 2, name: "two.test", weight: 10, tier: 1 },
      { address: "127.0.0.4", port: 4, weight: 0, tier: 1 },
    ];
    const { transport } = transportOf(saying({ kind: "endpoints", endpoints, ttlMs: MINUTE }));
    await transport.refresh();
    const idle = { verifiedName: "users.test", inFlight: 0, load: 0, breaker: "closed" };
    expect(transport.snapshot()).toMatchObject({
      serving: { tier: 1, mode: "eligible" },
      endpoints: [
        { ...idle, address: "127.0.0.1:1", name: "one.test", tier: 1, weight: 30, metadata: { zone: "a" } },
        { ...idle, address: "[::1]:2", name: "two.test", tier: 1, weight: 10, metadata: {} },
        // A very small chance, which is not none (RFC 2782).
        { ...idle, address: "127.0.0.4:4", tier: 1, weight: 0.1, metadata: {} },
        { ...idle, address: "127.0.0.3:3", tier: 7, weight: 5, metadata: {} },
      ],
    });
    expect(transport.snapshot().endpoints[3]).not.toHaveProperty("name");
    expect(transport.snapshot().endpoints[3]).not.toHaveProperty("fallback");
  });

  test("counts the calls that are under way", async () => {
    await using server = await startEchoServer({ httpVersion: "2" });
    const endpoints = [{ address: "127.0.0.1", port: server.port }];
    const { transport, client } = transportOf(saying({ kind: "endpoints", endpoints, ttlMs: MINUTE }));
    const calls = [client.get({ delayMs: 100 }), client.post({ delayMs: 100 }), client.get({ delayMs: 100 })];
    await vi.waitFor(() => expect(server.active).toBe(3), { interval: 2 });
    expect(transport.snapshot().endpoints[0]?.inFlight).toBe(3);
    await Promise.all(calls);
    expect(transport.snapshot().endpoints[0]?.inFlight).toBe(0);
  });

  test("shows a failure in its load and the retry budget, and each state of its breaker", async () => {
    using clock = shiftedClock();
    let broken = true;
    let release = () => {};
    using server = await startScriptedServer(async (execution) => {
      if (broken) throw new ConnectError("broken", Code.Internal);
      if (execution === 4) await new Promise<void>((resolve) => (release = resolve));
    });
    const endpoints = [{ address: "127.0.0.1", port: server.port }];
    const { transport, client } = transportOf(saying({ kind: "endpoints", endpoints, ttlMs: MINUTE }));
    const state = () => transport.snapshot().endpoints[0];
    await rejection(client.post({}));
    const { load = 0 } = state() ?? {};
    expect(load).toBeGreaterThan(1);
    expect(transport.snapshot().retryBudget.debt).toBeCloseTo(1);
    expect(state()?.breaker).toBe("closed");
    clock.aheadMs = 2_000;
    expect(state()?.load).toBeLessThan(load);
    for (let failures = 0; failures < 2; failures++) await rejection(client.post({}));
    expect(state()).toMatchObject({ breaker: "ejected", load: 0 });
    expect(transport.snapshot().serving).toEqual({ tier: 0, mode: "none-eligible" });
    broken = false;
    clock.aheadMs += MINUTE;
    expect(state()?.breaker).toBe("half-open");
    const probe = client.post({});
    await vi.waitFor(() => expect(server.calls).toBe(4), { interval: 2 });
    expect(state()?.breaker).toBe("probing");
    release();
    await probe;
    const well = { serving: { tier: 0, mode: "eligible" }, endpoints: [{ breaker: "closed" }] };
    await vi.waitFor(() => expect(transport.snapshot()).toMatchObject(well), { interval: 2 });
  });

  test("that answered badly serves again in panic, when most of the tier did", async () => {
    const fail = () => {
      throw new ConnectError("broken", Code.Internal);
    };
    using one = await startScriptedServer(fail);
    using two = await startScriptedServer(fail);
    using three = await startScriptedServer(() => {});
    const endpoints = [one, two, three].map(({ port }) => ({ address: "127.0.0.1", port }));
    const picker: BalancedTransportOptions["picker"] = ([first]) => ({
      pick: () => first as NonNullable<typeof first>,
    });
    const options = { picker, breaker: { consecutiveFailures: 1 } };
    const { transport, client } = transportOf(saying({ kind: "endpoints", endpoints, ttlMs: MINUTE }), options);
    await rejection(client.post({}));
    expect(transport.snapshot().serving).toEqual({ tier: 0, mode: "eligible" });
    await rejection(client.post({}));
    expect(transport.snapshot().serving).toEqual({ tier: 0, mode: "panic" });
    await rejection(client.post({}));
    expect([one.calls, two.calls, three.calls]).toEqual([2, 1, 0]);
  });
});

test("a snapshot is plain JSON", async () => {
  const endpoints = [{ address: "127.0.0.1", port: 1, metadata: { zone: "a" } }];
  const { transport } = transportOf(saying({ kind: "endpoints", endpoints, ttlMs: MINUTE }));
  await transport.refresh();
  const snapshot = transport.snapshot();
  expect(JSON.parse(JSON.stringify(snapshot))).toEqual(snapshot);
});
