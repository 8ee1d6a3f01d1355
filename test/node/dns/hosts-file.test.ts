import { mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { DnsError } from "../../../src/dns/dns-client.ts";
import { createHostsFile, hostsPath } from "../../../src/node/dns/hosts-file.ts";
import { HostsSearch } from "../../../src/node/dns/hosts-search.ts";
import { createNodeDnsClient } from "../../../src/node/dns/node-dns-client.ts";
import { systemRuntime } from "../../../src/runtime.ts";
import { a, message, QUESTION_NAME, record, srv } from "../../dns/records.ts";
import { startDnsPeer } from "../../support/dns-peer.ts";
import { manualClock } from "../../support/endpoint-client.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "hosts-"));
});
afterAll(async () => {
  await rm(directory, { recursive: true });
});

/** What a hosts file of this text says of a name. */
async function said(text: string, name: string): Promise<readonly string[]> {
  const path = join(directory, "hosts");
  await writeFile(path, text);
  const records = await createHostsFile(systemRuntime.clock, path)(name);
  return records.map(({ address }) => address);
}

const LINES: readonly [string, string, string, readonly string[]][] = [
  ["one name", "10.0.0.1 one.test", "one.test", ["10.0.0.1"]],
  ["each of several names", "10.0.0.1 one.test two.test three.test", "three.test", ["10.0.0.1"]],
  ["tabs and blanks", " \t10.0.0.1\t\t one.test \t two.test\t", "two.test", ["10.0.0.1"]],
  ["Windows' line ends", "10.0.0.2 x\r\n10.0.0.1 one.test two.test\r\n", "two.test", ["10.0.0.1"]],
  ["no line end", "10.0.0.2 x\n10.0.0.1 one.test", "one.test", ["10.0.0.1"]],
  ["capital letters", "10.0.0.1 One.TEST", "one.test", ["10.0.0.1"]],
  ["a final dot", "10.0.0.1 one.test.", "one.test", ["10.0.0.1"]],
  ["IPv6", "2001:db8::1 one.test", "one.test", ["2001:db8::1"]],
  ["IPv6 in another spelling", "2001:0DB8:0::0:1 one.test", "one.test", ["2001:db8::1"]],
  ["both families", "::1 one.test\n127.0.0.1 one.test", "one.test", ["::1", "127.0.0.1"]],
  ["several lines", "10.0.0.2 one.test\n10.0.0.1 x one.test", "one.test", ["10.0.0.2", "10.0.0.1"]],
  ["the same line twice", "10.0.0.1 one.test\n10.0.0.1 one.test one.test", "one.test", ["10.0.0.1"]],
  ["the same address in two spellings", "::1 one.test\n0:0::1 one.test", "one.test", ["::1"]],
  ["a comment behind it", "10.0.0.1 one.test# two.test", "one.test", ["10.0.0.1"]],
  ["an address alone before it", "10.0.0.2\n10.0.0.1 one.test", "one.test", ["10.0.0.1"]],
  ["nothing of a name in a comment", "10.0.0.1 one.test # two.test", "two.test", []],
  ["nothing of a line in a comment", "# 10.0.0.1 one.test\n#10.0.0.1 one.test", "one.test", []],
  ["nothing of a line without an address", "one.test 10.0.0.1\n10.0.0 one.test\n10.0.0.256 one.test", "one.test", []],
  ["nothing of a scope, which no endpoint can have", "fe80::1%lo one.test", "one.test", []],
  ["nothing of a part of a name", "10.0.0.1 one.test", "test", []],
  ["nothing in an empty file", "", "one.test", []],
  ["one name, behind the mark of UTF-8", "\ufeff10.0.0.1 one.test", "one.test", ["10.0.0.1"]],
  ["a line behind the mark and a comment", "\ufeff# x\n10.0.0.1 one.test", "one.test", ["10.0.0.1"]],
  ["a line behind the mark and a blank", "\ufeff 10.0.0.1 one.test", "one.test", ["10.0.0.1"]],
  ["a vertical tab and a form feed, as isspace(3)", "10.0.0.1\vtwo.test\fone.test", "one.test", ["10.0.0.1"]],
  ["nothing of a name that a blank outside ASCII begins", "10.0.0.1 x\u00a0one.test", "one.test", []],
  ["nothing of a name with letters outside ASCII around it", "10.0.0.1 \u00e0one.test", "one.test", []],
  ["nothing of a line that begins with a name and a comment", "one.test # 10.0.0.1 one.test", "one.test", []],
  ["a comment right behind the address", "10.0.0.2# one.test\n10.0.0.1 one.test", "one.test", ["10.0.0.1"]],
  ["a line behind many that are empty", `${"\n\r\n \n".repeat(99)}10.0.0.1 one.test`, "one.test", ["10.0.0.1"]],
  ["old Macintosh line ends as blanks", "10.0.0.1 two.test\r10.0.0.2 one.test", "one.test", ["10.0.0.1"]],
  ["nothing of a name that is longer", "10.0.0.1 xone.test one.testx one.test.x", "one.test", []],
  ["a line of 10,000 names", `10.0.0.1 ${"x.test ".repeat(10_000)}one.test`, "one.test", ["10.0.0.1"]],
  ["a word of 300,000 letters", `10.0.0.1 ${"x".repeat(300_000)} one.test`, "one.test", ["10.0.0.1"]],
  ["a comment of 300,000 letters", `# ${"x y".repeat(100_000)}\n10.0.0.1 one.test`, "one.test", ["10.0.0.1"]],
];

test.each(LINES)("a hosts file says %s", async (_, text, name, expected) => {
  expect(await said(text, name)).toEqual(expected);
});

test.each(LINES)("a hosts file says %s, wherever its pieces end", (_, text, name, expected) => {
  const bytes = Buffer.from(text).toString("latin1");
  // The longest ones have been cut by the reading itself.
  for (const size of bytes.length > 1_000 ? [] : [1, 2, 3, 5, 7, 11]) {
    const search = new HostsSearch([name]);
    for (let at = 0; at < bytes.length; at += size) search.read(bytes.slice(at, at + size));
    const found = search
      .end()
      .get(name)
      ?.map(({ address }) => address);
    expect(found, `in pieces of ${size}`).toEqual(expected);
  }
});

test("a hosts file of 180,000 lines is searched in pieces, once for all who ask at once, and not again", async () => {
  const path = join(directory, "large");
  const line = (i: number) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255} host-${i}.example.test alias-${i}\n`;
  await writeFile(path, Array.from({ length: 180_000 }, (_, i) => line(i)).join(""));
  const clock = manualClock();
  const hosts = createHostsFile(clock, path);
  const reads = vi.spyOn(HostsSearch.prototype, "read");
  onTestFinished(() => void vi.restoreAllMocks());
  let turns = 0;
  const count = () => {
    turns++;
    turn = setImmediate(count);
  };
  let turn = setImmediate(count);
  const asked = [0, 1, 65_535, 179_999].map((i) => hosts(`host-${i}.example.test`));
  const found = await Promise.all([...asked, hosts("alias-77777"), hosts("nobody.test")]);
  clearImmediate(turn);
  expect(found.map((records) => records.map(({ address }) => address))).toEqual([
    ["10.0.0.0"],
    ["10.0.0.1"],
    ["10.0.255.255"],
    ["10.2.191.31"],
    ["10.1.47.209"],
    [],
  ]);
  const pieces = Math.ceil((await stat(path)).size / 65_536);
  expect(reads.mock.calls).toHaveLength(pieces);
  // Others ran between them.
  expect(turns).toBeGreaterThanOrEqual(pieces - 1);
  for (let i = 0; i < 3; i++) {
    clock.time += 5_000;
    await hosts("host-1.example.test");
    await hosts("nobody.test");
  }
  expect(reads.mock.calls).toHaveLength(pieces);
});

test("names that are asked for during a search are found by the next one, all together", async () => {
  const path = join(directory, "asked-later");
  await writeFile(path, `${"10.0.0.9 x.test\n".repeat(20_000)}10.0.0.1 one.test\n10.0.0.2 two.test three.test\n`);
  const hosts = createHostsFile(systemRuntime.clock, path);
  const read = vi.spyOn(HostsSearch.prototype, "read");
  onTestFinished(() => void vi.restoreAllMocks());
  const later: Promise<readonly { address: string }[]>[] = [];
  read.mockImplementationOnce(function (this: HostsSearch, piece: string) {
    later.push(hosts("two.test"), hosts("three.test"));
    this.read(piece);
  });
  expect(await hosts("one.test")).toMatchObject([{ address: "10.0.0.1" }]);
  expect(await Promise.all(later)).toMatchObject([[{ address: "10.0.0.2" }], [{ address: "10.0.0.2" }]]);
  // Once more for the one that was made up here.
  expect(read.mock.calls).toHaveLength(2 * Math.ceil((await stat(path)).size / 65_536) + 1);
});

test("a name with 5,000 addresses has 1,000 of them", async () => {
  const text = Array.from({ length: 5_000 }, (_, i) => `10.0.${i >> 8}.${i & 255} one.test\n`).join("");
  expect(await said(text, "one.test")).toHaveLength(1_000);
});

test("what was found counts until the file changes, and goes on counting while it cannot be read", async () => {
  const path = join(directory, "changing");
  const clock = manualClock();
  const hosts = createHostsFile(clock, path);
  const address = async (name: string) => (await hosts(name))[0]?.address;
  expect(await address("one.test")).toBeUndefined();
  await writeFile(path, "10.0.0.1 one.test");
  expect(await address("one.test")).toBeUndefined();
  clock.time += 5_000;
  expect(await address("one.test")).toBe("10.0.0.1");
  await writeFile(path, "10.0.0.22 one.test two.test");
  expect(await address("one.test")).toBe("10.0.0.1");
  clock.time += 5_000;
  expect(await address("one.test")).toBe("10.0.0.22");
  await rm(path);
  await mkdir(path);
  clock.time += 5_000;
  expect(await address("one.test")).toBe("10.0.0.22");
  await expect(hosts("two.test")).rejects.toThrow(
    new DnsError(`cannot read ${path} (EISDIR): check that it is a file`),
  );
  await rm(path, { recursive: true });
  clock.time += 5_000;
  expect(await address("one.test")).toBeUndefined();
});

test("the names that are remembered are bounded: those of servers come and go", async () => {
  const path = join(directory, "forgetful");
  await writeFile(path, "10.0.0.1 one.test");
  const hosts = createHostsFile(manualClock(), path);
  const searches = vi.spyOn(HostsSearch.prototype, "end");
  onTestFinished(() => void vi.restoreAllMocks());
  await hosts("one.test");
  await Promise.all(Array.from({ length: 999 }, (_, i) => hosts(`pod-${i}.test`)));
  await hosts("one.test");
  expect(searches).toHaveBeenCalledTimes(2);
  await hosts("pod-999.test");
  await hosts("one.test");
  expect(searches).toHaveBeenCalledTimes(4);
});

test.each([
  ["linux", {}, "/etc/hosts"],
  ["darwin", { SystemRoot: "x" }, "/etc/hosts"],
  ["win32", { SystemRoot: "D:\\WinNT" }, "D:\\WinNT\\System32\\drivers\\etc\\hosts"],
  ["win32", {}, "C:\\Windows\\System32\\drivers\\etc\\hosts"],
])("on %s with %j, the hosts file is %s", (platform, env, expected) => {
  expect(hostsPath(platform, env)).toBe(expected);
});

/** The path of the hosts file that the next client is made with; a client's own is the system's. */
let path = "";
vi.mock("../../../src/node/dns/hosts-file.ts", async (original) => {
  const actual = await original<{ createHostsFile: typeof createHostsFile }>();
  return {
    ...actual,
    createHostsFile: (...[clock, other]: Parameters<typeof createHostsFile>) =>
      actual.createHostsFile(clock, other ?? path),
  };
});

/** A client whose hosts file says this, and a DNS server that gives every name the same addresses. */
async function clientWith(hosts: string) {
  path = join(directory, `hosts-${Math.random()}`);
  await writeFile(path, hosts);
  const peer = await startDnsPeer((query) => {
    const [type = "", name = ""] = query.asks.split(" ");
    const answers: Record<string, string> = {
      A: a(name, "192.0.2.1"),
      AAAA: record(QUESTION_NAME, 28, 30, "20010db8000000000000000000000002"),
      SRV: srv("h1.test"),
    };
    return [message(query, { answers: [answers[type] as string] })];
  });
  const client = createNodeDnsClient({ servers: [peer.address] }, systemRuntime);
  const limits = { signal: new AbortController().signal, deadline: systemRuntime.clock.now() + 2_000 };
  return {
    peer,
    async addresses(...[name, family]: [string, ("ipv4" | "ipv6" | "auto")?]) {
      const answer = await client.addresses(name, limits, family);
      return answer.kind === "records" ? answer.records.map(({ address }) => address) : answer.kind;
    },
    srv: (name: string) => client.srv(name, limits),
    [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose](),
  };
}

test("addresses of the hosts file come before DNS, which is not asked then", async () => {
  await using client = await clientWith("10.0.0.1 one.test\n2001:db8::1 two.test\n10.0.0.3 three.test\n::3 three.test");
  expect(await client.addresses("one.test")).toEqual(["10.0.0.1"]);
  expect(await client.addresses("One.Test.")).toEqual(["10.0.0.1"]);
  expect(await client.addresses("two.test")).toEqual(["2001:db8::1"]);
  expect(await client.addresses("three.test")).toEqual(["10.0.0.3", "::3"]);
  expect(await client.addresses("three.test", "ipv6")).toEqual(["::3"]);
  expect(client.peer.queries).toEqual([]);
});

test("DNS is asked for names, families and records that the hosts file does not have", async () => {
  await using client = await clientWith("10.0.0.1 one.test _grpc._tcp.one.test");
  expect(await client.addresses("other.test")).toEqual(["192.0.2.1", "2001:db8::2"]);
  expect(await client.addresses("one.test", "ipv6")).toEqual(["2001:db8::2"]);
  expect(await client.srv("_grpc._tcp.one.test")).toMatchObject({ kind: "records" });
  expect(client.peer.queries.map(({ asks }) => asks)).toEqual([
    "A other.test",
    "AAAA other.test",
    "AAAA one.test",
    "SRV _grpc._tcp.one.test",
  ]);
});

test("an address of the hosts file is used for a minute", async () => {
  const file = join(directory, "ttl");
  await writeFile(file, "10.0.0.1 one.test");
  const records = await createHostsFile(systemRuntime.clock, file)("one.test");
  expect(records).toEqual([{ address: "10.0.0.1", ttlSeconds: 60 }]);
});
