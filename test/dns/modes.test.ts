import { describe, expect, test } from "vitest";
import type { Resolution } from "../../src/discovery/resolver.ts";
import { createSrvResolver } from "../../src/discovery/srv.ts";
import { createNodeDnsClient } from "../../src/node/dns-client.ts";
import { systemRuntime } from "../../src/runtime.ts";
import { startDnsPeer } from "../support/dns-peer.ts";
import { MODES, type Mode, SERVICE } from "./modes.ts";

/** Long enough for three tries on loopback, short enough for those that wait for nothing. */
const LIMIT_MS = 400;

async function lookUp(mode: Mode): Promise<Resolution> {
  let asked = 0;
  await using peer = await startDnsPeer((query) => mode.answer(query, ++asked));
  const dns = createNodeDnsClient({ servers: [peer.address] }, systemRuntime);
  const resolver = createSrvResolver({ target: `srv:///${SERVICE}`, name: SERVICE, dns, family: "auto" });
  const { clock, random } = systemRuntime;
  const limits = { signal: new AbortController().signal, deadline: clock.now() + LIMIT_MS };
  return await resolver.resolve({ ...limits, clock, random, reason: "first" }).catch((error: Error) => {
    throw new Error(error.message.replaceAll(peer.address, "SERVER").replaceAll(/\d+ ms|byte \d+ of \d+/g, digitsAway));
  });
}

const digitsAway = (text: string) => text.replaceAll(/\d+/g, "N");

describe("a DNS server that sends", () => {
  test.concurrent.each(MODES)("$name ($like)", async (mode) => {
    const { comes, ttlMs } = mode;
    const started = performance.now();
    const found = await lookUp(mode).catch((error: Error) => error);
    expect(performance.now() - started).toBeLessThan(1_000);
    if (Array.isArray(comes)) {
      const { endpoints = [] } = found as { endpoints?: { address: string; port: number }[] };
      expect(
        endpoints.map(({ address, port }) => `${address}:${port}`),
        String(found),
      ).toEqual(comes);
    } else if ("empty" in comes) {
      expect(found).toMatchObject({ reason: comes.empty });
    } else {
      expect(found).toMatchObject({ message: (comes as { fails: string }).fails });
    }
    if (ttlMs !== undefined) expect(found).toMatchObject({ ttlMs });
  });
});
