import dns from "node:dns";
import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { createSystemServers } from "../../../src/node/dns/resolv-conf.ts";
import { manualClock } from "../../support/endpoint-client.ts";

// Which DNS servers are the system's: where resolv.conf is, where it is not, and on Windows, of which only the name is
// real here.

let directory: string;
let path: string;
let clock: ReturnType<typeof manualClock>;
const nodes = dns.getServers();

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "system-servers-"));
  path = join(directory, "resolv.conf");
  clock = manualClock();
});
afterEach(async () => {
  dns.setServers(nodes);
  await rm(directory, { recursive: true });
});

async function write(text: string, changedAt: number): Promise<void> {
  await writeFile(path, text);
  await utimes(path, changedAt, changedAt);
}

test("they follow resolv.conf, whatever Node was told", async () => {
  dns.setServers(["10.0.0.9"]);
  const servers = createSystemServers(clock, { path });
  await write("nameserver 10.0.0.2\n", 1);
  expect((await servers()).servers).toEqual([{ address: "10.0.0.2", port: 53 }]);
  await write("nameserver 10.0.0.3\noptions rotate\n", 2);
  clock.time += 5_000;
  expect(await servers()).toMatchObject({ servers: [{ address: "10.0.0.3", port: 53 }], rotate: true });
});

const ELSEWHERE: [string, () => Parameters<typeof createSystemServers>[1]][] = [
  ["without resolv.conf", () => ({ path })],
  ["on Windows", () => ({ path, platform: "win32" })],
];

test.each(ELSEWHERE)("%s they are Node's, with their ports", async (_, where) => {
  dns.setServers(["10.0.0.9", "10.0.0.8:5353", "2001:db8::9", "[2001:db8::8]:5353"]);
  expect(await createSystemServers(clock, where())()).toEqual({
    servers: [
      { address: "10.0.0.9", port: 53 },
      { address: "10.0.0.8", port: 5353 },
      { address: "2001:db8::9", port: 53 },
      { address: "2001:db8::8", port: 5353 },
    ],
  });
});

test.each(ELSEWHERE)("%s, dns.setServers() is heard", async (_, where) => {
  const servers = createSystemServers(clock, where());
  expect((await servers()).servers).toHaveLength(nodes.length);
  dns.setServers(["10.0.0.9:5353"]);
  expect(await servers()).toEqual({ servers: [{ address: "10.0.0.9", port: 5353 }] });
  dns.setServers([]);
  expect(await servers()).toEqual({ servers: [] });
});

test.each(ELSEWHERE)("%s, a server on the link keeps the interface that Node names", async (_, where) => {
  // Today's Node leaves it out, so that it cannot be had for real.
  vi.spyOn(dns, "getServers").mockReturnValue(["fe80::1%eth0", "[fe80::1%12]:5353"]);
  onTestFinished(() => void vi.restoreAllMocks());
  expect((await createSystemServers(clock, where())()).servers).toEqual([
    { address: "fe80::1%eth0", port: 53 },
    { address: "fe80::1%12", port: 5353 },
  ]);
});

test("resolv.conf counts from when it is there, and until it goes away", async () => {
  dns.setServers(["10.0.0.9"]);
  const servers = createSystemServers(clock, { path });
  const address = async () => (await servers()).servers[0]?.address;
  expect(await address()).toBe("10.0.0.9");
  await write("nameserver 10.0.0.2\n", 1);
  clock.time += 5_000;
  expect(await address()).toBe("10.0.0.2");
  await rm(path);
  clock.time += 5_000;
  expect(await address()).toBe("10.0.0.9");
});

test("on Windows no resolv.conf counts, where anybody could have put it", async () => {
  await write("nameserver 10.6.6.6\n", 1);
  dns.setServers(["10.0.0.9"]);
  const { servers } = await createSystemServers(clock, { path, platform: "win32" })();
  expect(servers).toEqual([{ address: "10.0.0.9", port: 53 }]);
});
