import { expect, test } from "vitest";
import type { AddressAnswer, AddressRecord, DnsClient } from "../../src/dns/dns-client.ts";
import { isEnough } from "../../src/schemes/families.ts";
import { createSrvResolver } from "../../src/schemes/srv.ts";
import { FakeRuntime, settled } from "../support/fake-runtime.ts";

// An additional section with the addresses of one family: when the other one is asked for, and what comes of it.

const records = (...addresses: string[]): AddressRecord[] => addresses.map((address) => ({ address, ttlSeconds: 30 }));
const found = (...addresses: string[]): AddressAnswer => ({ kind: "records", records: records(...addresses) });

test("of both families, nothing more is asked for, whatever the machine can use", () => {
  expect(isEnough(records("192.0.2.1", "2001:db8::1"), { hasFamily: () => false })).toBe(true);
});

/** What becomes of an SRV answer whose additional section has `given`, on a machine that can use none of it. */
async function lookUp(given: readonly AddressRecord[], addresses: () => Promise<AddressAnswer>) {
  const runtime = new FakeRuntime();
  let asked = 0;
  const dns: DnsClient = {
    srv: async () => ({
      kind: "records",
      records: [{ priority: 0, weight: 1, port: 80, target: "one.test", ttlSeconds: 30 }],
      addresses: new Map([["one.test", given]]),
    }),
    addresses: () => {
      asked++;
      return addresses();
    },
    hasFamily: () => false,
  };
  const resolver = createSrvResolver({ target: "test", name: "_grpc._tcp.users.test", dns, family: "auto" });
  const resolving = resolver.resolve({
    signal: new AbortController().signal,
    deadline: runtime.time + 1_000,
    clock: runtime.clock,
    random: runtime.random,
    sleep: (ms, signal) => runtime.sleep(ms, signal, true),
    reason: "first",
  });
  await settled();
  await runtime.advance(100);
  const resolution = await resolving;
  const endpoints = resolution.kind === "endpoints" ? resolution.endpoints : [];
  return { asked, timers: runtime.timers, dialled: endpoints.map((one) => [one.address, one.alternateAddress]) };
}

const never = () => new Promise<AddressAnswer>(() => {});

test.each<[string, AddressRecord[], () => Promise<AddressAnswer>, [string, string | undefined][]]>([
  [
    "IPv6 joins IPv4",
    records("192.0.2.1"),
    async () => found("192.0.2.1", "2001:db8::1"),
    [["192.0.2.1", "2001:db8::1"]],
  ],
  [
    "IPv4 comes first, though IPv6 was given",
    records("2001:db8::1"),
    async () => found("192.0.2.1"),
    [["192.0.2.1", "2001:db8::1"]],
  ],
  [
    "there is no other",
    records("192.0.2.1"),
    async () => ({ kind: "nodata", ttlSeconds: 5 }),
    [["192.0.2.1", undefined]],
  ],
  ["its look-up fails", records("192.0.2.1"), () => Promise.reject(new Error("SERVFAIL")), [["192.0.2.1", undefined]]],
  ["its look-up is not answered", records("192.0.2.1"), never, [["192.0.2.1", undefined]]],
])(
  "the other family is asked for where the machine can use none of what was given: %s",
  async (_, given, addresses, dialled) => {
    expect(await lookUp(given, addresses)).toEqual({ asked: 1, timers: 0, dialled });
  },
);
