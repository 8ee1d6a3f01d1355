import { describe, expect, test } from "vitest";
import type { Resolution } from "../../src/discovery/resolver.ts";
import { createNodeDnsClient } from "../../src/node/dns/node-dns-client.ts";
import { systemRuntime } from "../../src/runtime.ts";
import { createSrvResolver } from "../../src/schemes/srv.ts";
import { startDnsPeer } from "../support/dns-peer.ts";
import { startFaultyRelay } from "../support/faulty-relay.ts";
import { MODES, type Mode, SERVICE, SILENT } from "./modes.ts";
import { RECORD_MODES } from "./record-modes.ts";
import { WIRE_MODES } from "./wire-modes.ts";

/** Short for those that wait for nothing; the others end by themselves, however busy the machine is. */
const limitMs = ({ comes }: Mode) => (comes === SILENT ? 400 : 3_000);

async function lookUp(mode: Mode): Promise<Resolution> {
  let asked = 0;
  const options = { tcp: mode.listensOverTcp ?? true };
  await using peer = await startDnsPeer((query) => mode.answer(query, ++asked), options);
  await using relay = mode.relay && (await startFaultyRelay({ address: "127.0.0.1", port: peer.port }));
  if (relay !== undefined) mode.relay?.(relay);
  const server = relay === undefined ? peer.address : `127.0.0.1:${relay.port}`;
  const transport = relay === undefined ? "udp" : "tcp";
  const dns = createNodeDnsClient({ servers: [server], transport }, systemRuntime);
  const resolver = createSrvResolver({ target: `srv:///${SERVICE}`, name: SERVICE, dns, family: "auto" });
  const { clock, random, sleep } = systemRuntime;
  const limits = { signal: new AbortController().signal, deadline: clock.now() + limitMs(mode) };
  return await resolver.resolve({ ...limits, clock, random, sleep, reason: "first" }).catch((error: Error) => {
    const text = error.message.replaceAll(server, "SERVER").replaceAll(/\d+ ms|byte \d+ of \d+/g, digitsAway);
    // Node learns of a reset with the connect or after it.
    throw new Error(text.replace(/(read|connect) ECONNRESET( SERVER)?/, "ECONNRESET"));
  });
}

const digitsAway = (text: string) => text.replaceAll(/\d+/g, "N");

describe("a DNS server that sends", () => {
  test.concurrent.each([...MODES, ...WIRE_MODES, ...RECORD_MODES])("$name ($like)", async (mode) => {
    const { comes, ttlMs } = mode;
    const started = performance.now();
    const found = await lookUp(mode).catch((error: Error) => error);
    expect(performance.now() - started).toBeLessThan(limitMs(mode) + 1_000);
    if (Array.isArray(comes)) {
      const { endpoints = [] } = found as { endpoints?: { address: string; port: number }[] };
      expect(
        endpoints.map(({ address, port }) => `${address}:${port}`),
        String(found),
      ).toEqual(comes);
    } else if ("some" in comes) {
      expect((found as { endpoints?: unknown[] }).endpoints).toHaveLength((comes as { some: number }).some);
    } else if ("empty" in comes) {
      expect(found).toMatchObject({ reason: comes.empty });
    } else {
      expect(found).toMatchObject({ message: (comes as { fails: string }).fails });
    }
    if (ttlMs !== undefined) expect(found).toMatchObject({ ttlMs });
  });
});
