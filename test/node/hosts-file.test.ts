import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createNodeDnsClient } from "../../src/node/dns-client.ts";
import { createHostsFile } from "../../src/node/hosts-file.ts";
import { systemRuntime } from "../../src/runtime.ts";
import { a, message, QUESTION_NAME, record, srv } from "../dns/records.ts";
import { startDnsPeer } from "../support/dns-peer.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "hosts-"));
});
afterAll(async () => {
  await rm(directory, { recursive: true });
});

/** What a hosts file of this text says of a name. */
async function said(text: string, name: string): Promise<readonly string[] | undefined> {
  const path = join(directory, "hosts");
  await writeFile(path, text);
  const records = (await createHostsFile(systemRuntime.clock, path)()).get(name);
  return records?.map(({ address }) => address);
}

test.each([
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
  ["nothing of a name in a comment", "10.0.0.1 one.test # two.test", "two.test", undefined],
  ["nothing of a line in a comment", "# 10.0.0.1 one.test\n#10.0.0.1 one.test", "one.test", undefined],
  [
    "nothing of a line without an address",
    "one.test 10.0.0.1\n10.0.0 one.test\n10.0.0.256 one.test",
    "one.test",
    undefined,
  ],
  ["nothing of a scope, which no endpoint can have", "fe80::1%lo one.test", "one.test", undefined],
  ["nothing of a part of a name", "10.0.0.1 one.test", "test", undefined],
  ["nothing in an empty file", "", "one.test", undefined],
])("a hosts file says %s", async (_, text, name, expected) => {
  expect(await said(text, name)).toEqual(expected);
});

/** The path of the hosts file that the next client is made with; a client's own is the system's. */
let path = "";
vi.mock("../../src/node/hosts-file.ts", async (original) => {
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
  const records = (await createHostsFile(systemRuntime.clock, file)()).get("one.test");
  expect(records).toEqual([{ address: "10.0.0.1", ttlSeconds: 60 }]);
});
