import { promises as dns } from "node:dns";
import { describe, expect, test } from "vitest";
import { createStubResolver } from "../../src/dns/stub-resolver.ts";
import { nodeDnsSockets } from "../../src/node/dns/node-dns-sockets.ts";
import { systemRuntime } from "../../src/runtime.ts";
import { type DnsPeer, type PeerQuery, type PeerStep, startDnsPeer } from "../support/dns-peer.ts";
import { manualClock } from "../support/endpoint-client.ts";
import { GOOD, good } from "./modes.ts";
import { type MessageParts, message, name, OPT, QUESTION_NAME, record } from "./records.ts";

// Servers, and firewalls in front of them, that dislike queries with an OPT record (RFC 6891), and answer others.

const DISLIKES: readonly { readonly what: string; answer(query: PeerQuery): readonly PeerStep[] }[] = [
  { what: "nothing", answer: () => [] },
  says("FORMERR", { flags: "8101" }),
  says("FORMERR and an OPT record", { flags: "8101", additionals: [OPT] }),
  says("FORMERR without the question", { flags: "8101", question: "" }),
  says("SERVFAIL", { flags: "8182" }),
  says("SERVFAIL without the question", { flags: "8182", question: "" }),
  says("NOTIMP", { flags: "8104" }),
  says("REFUSED", { flags: "8105" }),
  says("REFUSED without the question", { flags: "8105", question: "" }),
  says("RCODE 11", { flags: "810b" }),
  says("BADVERS", { additionals: ["00002904d0010000000000"] }),
  says("BADCOOKIE (23)", { flags: "8107", additionals: ["00002904d0010000000000"] }),
  says("nothing of the zone", { flags: "8100" }),
  says("records of another name", { answers: [record(name("other.test"), 33, 30, "")] }),
  says("the OPT record among the answers", { ...GOOD, answers: [...(GOOD.answers ?? []), OPT] }),
  says("the OPT record among the authorities", { ...GOOD, authorities: [OPT] }),
  says("two OPT records", { ...GOOD, additionals: [OPT, OPT] }),
  says("an OPT record with a name", { ...GOOD, additionals: [`${QUESTION_NAME}${OPT.slice(2)}`] }),
  says("an OPT record whose option is cut", { ...GOOD, additionals: ["00002904d00000000000040003000a"] }),
  says("counts of an OPT record that is not there", { counts: "0001000000000001" }),
  { what: "the first half of an answer", answer: (query) => [good(query).subarray(0, query.question.length + 20)] },
  { what: "the header and half of the question", answer: (query) => [good(query).subarray(0, 20)] },
  { what: "the query", answer: (query) => [query.bytes] },
  { what: "the query, as if it were an answer", answer: (query) => [asAnswer(query.bytes)] },
  says("an answer to another query", { ...GOOD, id: "0000" }),
];

const OVER_UDP: typeof DISLIKES = [
  {
    what: "TC, and over TCP nothing",
    answer: (query) => (query.over === "udp" ? [message(query, { flags: "8700" })] : []),
  },
  {
    what: "TC, and over TCP the end",
    answer: (query) => (query.over === "udp" ? [message(query, { flags: "8700" })] : ["close"]),
  },
];
const OVER_TCP: typeof DISLIKES = [
  { what: "the end of the connection", answer: () => ["close"] },
  { what: "a reset of the connection", answer: () => ["reset"] },
  { what: "TC", answer: (query) => [message(query, { flags: "8700" })] },
];

function says(what: string, parts: MessageParts) {
  return { what, answer: (query: PeerQuery) => [message(query, parts)] };
}

function asAnswer(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(2) | 0x80, 2);
  return copy;
}

const GAP_MS = 60;

function clientOf(
  peers: readonly DnsPeer[],
  transport: "udp" | "tcp" = "udp",
  attempts = 2,
  clock = systemRuntime.clock,
  timeoutMs = GAP_MS,
) {
  const servers = peers.map(({ port }) => ({ address: "127.0.0.1", port }));
  const client = createStubResolver({
    servers: async () => ({ servers, timeoutMs, attempts }),
    sockets: nodeDnsSockets,
    runtime: { ...systemRuntime, clock },
    transport,
  });
  return (limitMs = 3_000) =>
    client.srv("_grpc._tcp.users.test", { signal: new AbortController().signal, deadline: clock.now() + limitMs });
}

/** What comes after an answer has come. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Whether each query had an OPT record, since the last time it was asked. */
function options(peer: DnsPeer): () => boolean[] {
  let seen = 0;
  return () => {
    const fresh = peer.queries.slice(seen).map(({ edns }) => edns);
    seen = peer.queries.length;
    return fresh;
  };
}

describe.each([
  ["udp", [...DISLIKES, ...OVER_UDP]],
  ["tcp", [...DISLIKES, ...OVER_TCP]],
] as const)("over %s, a server that answers EDNS by", (transport, kinds) => {
  test.each(kinds)("$what", async ({ answer }) => {
    await using peer = await startDnsPeer((query) => (query.edns ? answer(query) : [good(query)]));
    const hasOpt = options(peer);
    const ask = clientOf([peer], transport);
    expect(await ask()).toMatchObject({ kind: "records" });
    expect(hasOpt().filter((edns) => !edns)).toEqual([false]);
    // TCP, which may be closed, is for answers that are cut.
    if (DISLIKES.some((kind) => kind.answer === answer))
      expect(new Set(peer.queries.map(({ over }) => over))).toEqual(new Set([transport]));
    // And it is remembered.
    expect(await ask()).toMatchObject({ kind: "records" });
    expect(hasOpt()).toEqual([false]);
  });
});

test("Node's own resolver has answers of all of them, because it sends no OPT record", async () => {
  for (const { answer } of DISLIKES) {
    await using peer = await startDnsPeer((query) => (query.edns ? answer(query) : [good(query)]));
    const resolver = new dns.Resolver({ timeout: 500, tries: 1 });
    resolver.setServers([peer.address]);
    expect(await resolver.resolveSrv("_grpc._tcp.users.test")).toHaveLength(1);
  }
});

test.each([
  ["silence", () => [], 60_000],
  ["SERVFAIL", (query: PeerQuery) => [message(query, { flags: "8182" })], 60_000],
  ["a broken message", (query: PeerQuery) => [message(query, { additionals: [OPT, OPT] })], 60_000],
  ["FORMERR", (query: PeerQuery) => [message(query, { flags: "8101" })], 600_000],
  ["BADVERS", (query: PeerQuery) => [message(query, { additionals: ["00002904d0010000000000"] })], 600_000],
] as const)("%s is remembered for a time, and not when the clock went back", async (_, answer, forMs) => {
  await using peer = await startDnsPeer((query) => (query.edns ? answer(query) : [good(query)]));
  const hasOpt = options(peer);
  const clock = manualClock();
  const ask = clientOf([peer], "udp", 2, clock);
  const startsWithOpt = async () => {
    expect(await ask()).toMatchObject({ kind: "records" });
    return hasOpt()[0];
  };
  expect(await startsWithOpt()).toBe(true);
  clock.time += forMs - 1;
  expect(await startsWithOpt()).toBe(false);
  clock.time += 1;
  expect(await startsWithOpt()).toBe(true);
  expect(await startsWithOpt()).toBe(false);
  clock.time -= 1;
  expect(await startsWithOpt()).toBe(true);
});

test.each([
  ["in their order", (query: PeerQuery) => [{ late: good(query), afterQueries: 2 }]],
  ["the later one first", (query: PeerQuery) => [query.edns ? { late: good(query), afterQueries: 2 } : good(query)]],
])("a server that was slow and answers both queries at once, %s, is asked with EDNS again", async (_, answer) => {
  await using peer = await startDnsPeer(answer);
  const hasOpt = options(peer);
  const ask = clientOf([peer]);
  expect(await ask()).toMatchObject({ kind: "records" });
  expect(hasOpt()).toEqual([true, false]);
  await turns(4);
  expect(await ask()).toMatchObject({ kind: "records" });
  expect(hasOpt()).toEqual([true]);
});

test.each([
  ["SERVFAIL", "8182"],
  ["NOTIMP", "8104"],
  ["REFUSED", "8105"],
])("%s without the question is heard at once", async (_, flags) => {
  await using peer = await startDnsPeer((query) =>
    query.edns ? [message(query, { flags, question: "" })] : [good(query)],
  );
  const started = performance.now();
  expect(await clientOf([peer], "udp", 2, systemRuntime.clock, 30_000)(9_000)).toMatchObject({ kind: "records" });
  expect(performance.now() - started).toBeLessThan(1_500);
});

test.each([
  ["SERVFAIL", "8182"],
  ["REFUSED", "8105"],
])("a %s that means it is doubled once for each question, and not remembered", async (rcode, flags) => {
  await using peer = await startDnsPeer((query) => [message(query, { flags })]);
  const hasOpt = options(peer);
  const ask = clientOf([peer]);
  for (let i = 0; i < 2; i++) {
    await expect(ask()).rejects.toThrow(`answered ${rcode}`);
    expect(hasOpt()).toEqual([true, false, true, true]);
  }
});

test("a dead server is asked once without EDNS, and for no longer", async () => {
  await using peer = await startDnsPeer(() => []);
  const hasOpt = options(peer);
  const started = performance.now();
  await expect(clientOf([peer])(600)).rejects.toThrow("gave no answer within");
  expect(performance.now() - started).toBeLessThan(1_100);
  const asked = hasOpt();
  expect(asked.slice(0, 3)).toEqual([true, false, true]);
  expect(asked.filter((edns) => !edns)).toHaveLength(1);
});

test("behind two dead servers, and with one round of attempts, one that drops EDNS is reached in time", async () => {
  await using dead = await startDnsPeer(() => []);
  await using dropping = await startDnsPeer((query) => (query.edns ? [] : [good(query)]));
  // The gap is the deadline's part here.
  const servers = [dead, dead, dropping].map(({ port }) => ({ address: "127.0.0.1", port }));
  const client = createStubResolver({
    servers: async () => ({ servers, timeoutMs: 30_000, attempts: 1 }),
    sockets: nodeDnsSockets,
    runtime: systemRuntime,
  });
  const limits = { signal: new AbortController().signal, deadline: systemRuntime.clock.now() + 1_500 };
  expect(await client.srv("_grpc._tcp.users.test", limits)).toMatchObject({ kind: "records" });
});
