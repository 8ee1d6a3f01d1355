import { createClient } from "@connectrpc/connect";
import { expect, test } from "vitest";
import type { BalancedTransportEvent, Resolver } from "../../src/public.ts";
import { balancedTransport } from "../../src/transport/create.ts";
import { inMemory } from "../interop/in-memory.ts";
import { fakePlatform } from "../support/fake-platform.ts";
import { FakeRuntime } from "../support/fake-runtime.ts";
import { EchoService } from "../support/gen/echo_pb.ts";

const noSockets = {
  messageId: () => 0,
  udp: () => () => {},
  tcp: () => () => {},
  drain: async () => {},
};
const addresses = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `10.0.0.${from + i}`);

test("Route 53's list of everything, when nothing is healthy, is no news of anybody's health", async () => {
  const runtime = new FakeRuntime({ seed: 1, globalTimers: true });
  const all = addresses(1, 12);
  let healthy = all;
  const cloudMap: Resolver = {
    target: "cloud map",
    resolve: async ({ random }) => {
      const left = [...(healthy.length > 0 ? healthy : all)];
      const sample = Array.from({ length: Math.min(8, left.length) }, () =>
        left.splice(Math.floor(random() * left.length), 1),
      ).flat();
      const endpoints = sample.map((address) => ({ address, port: 80 }));
      return { kind: "endpoints", endpoints, ttlMs: 60_000, partial: sample.length === 8 };
    },
  };
  const memory = inMemory();
  const events: BalancedTransportEvent[] = [];
  const transport = balancedTransport(
    { target: cloudMap, tls: false, picker: "round-robin", onEvent: (event) => void events.push(event) },
    fakePlatform(runtime, noSockets, memory.create),
  );
  const client = createClient(EchoService, transport);
  /** Calls of any method, ten a minute. None may fail. */
  async function minutes(count: number): Promise<void> {
    for (let call = 0; call < 10 * count; call++) {
      await client.post({});
      await runtime.advance(6_000);
    }
  }
  const listed = () => transport.snapshot().endpoints.map(({ address }) => address.replace(":80", ""));
  const dead = addresses(1, 4);

  await minutes(20);
  expect(listed().sort()).toEqual([...all].sort());

  for (const address of dead) memory.refuse(address);
  healthy = addresses(5, 12);
  await minutes(8);
  expect(listed().filter((address) => dead.includes(address))).toEqual([]);

  // The others are only said to be unhealthy, and go on answering.
  healthy = [];
  events.length = 0;
  await minutes(6);
  const back = transport.snapshot().endpoints.filter(({ address }) => dead.includes(address.replace(":80", "")));
  expect(back.length).toBeGreaterThan(0);
  expect(back.map(({ breaker }) => breaker)).not.toContain("closed");
  expect(events.filter(({ type }) => type === "returned")).toEqual([]);
  expect(transport.snapshot().serving?.mode).toBe("eligible");
});
