import type { PeerQuery, PeerStep } from "../support/dns-peer.ts";
import { withLength } from "../support/dns-peer.ts";
import { both, failure, GOOD, good, type Mode, once, SERVICE, SILENT, truncated, USERS } from "./modes.ts";
import { a, type MessageParts, message, name, record, srv } from "./records.ts";

// What goes wrong below the records: connections, loss, floods and sizes.

/** Over UDP no room, over TCP this. */
const overTcp = (tcp: (query: PeerQuery) => PeerStep[]) => both(truncated, tcp);
/** Over UDP this, over TCP a good answer. */
const overUdp = (udp: (query: PeerQuery) => PeerStep[]) => both(udp, (query) => [good(query)]);
export const ports = (count: number) => Array.from({ length: count }, (_, i) => i + 1);
const targets = (count: number) => ports(count).map((port) => srv("h1.test", { port }));
export const H1 = a("h1.test", "127.0.0.1");

export const WIRE_MODES: readonly Mode[] = [
  // TCP, which is asked when UDP has no room.
  {
    name: "TC, and no TCP",
    like: "a firewall that knows DNS as UDP only",
    listensOverTcp: false,
    answer: truncated,
    comes: failure(
      "could not be asked over TCP: connect ECONNREFUSED SERVER: a DNS server must listen there (port 53; Consul's has 8600)",
    ),
  },
  { name: "TCP that says nothing", like: "a server that hangs", answer: overTcp(() => []), comes: SILENT },
  {
    name: "TCP byte by byte, too slowly",
    like: "slow drip: one limit for the exchange, not one for each byte",
    answer: overTcp((query) => [{ drip: withLength(good(query)), everyMs: 20 }]),
    comes: SILENT,
  },
  {
    name: "TCP reset within the answer",
    like: "a server that is killed",
    answer: overTcp((query) => [{ raw: withLength(good(query)).subarray(0, 20) }, "reset"]),
    comes: failure("could not be asked over TCP: ECONNRESET"),
  },
  {
    name: "TCP with an empty message first",
    like: "nobody",
    answer: overTcp((query) => [{ raw: Buffer.concat([Buffer.alloc(2), withLength(good(query))]) }]),
    comes: USERS,
  },
  {
    name: "TCP with a length that is too small",
    like: "nobody",
    answer: overTcp((query) => [{ raw: Buffer.concat([Buffer.of(0, 60), good(query)]) }]),
    comes: failure("sent a malformed DNS message: a record runs past the end (byte N of N)"),
  },
  {
    name: "TCP with a length that is too large, and its end",
    like: "nobody",
    answer: overTcp((query) => [{ raw: Buffer.concat([Buffer.of(255, 255), good(query)]) }, "close"]),
    comes: failure("could not be asked over TCP: the connection was closed before the answer"),
  },
  {
    name: "TCP that is reset when it is accepted",
    like: "a proxy without a server",
    relay: (relay) => relay.resetAtAccept(true),
    answer: once(GOOD),
    comes: failure("could not be asked over TCP: ECONNRESET"),
  },
  {
    name: "TCP that is accepted and never read",
    like: "a load balancer in front of a dead server",
    relay: (relay) => relay.blackHole(true),
    answer: once(GOOD),
    comes: SILENT,
  },
  {
    name: "TCP over a slow path",
    like: "another continent",
    relay: (relay) => {
      relay.delayMs = 40;
    },
    answer: once(GOOD),
    comes: USERS,
  },
  // Datagrams that get lost, come late, or are not the answer.
  {
    name: "the third datagram alone",
    like: "a network that loses two of three",
    answer: (query, asked) => (asked < 3 ? [] : [good(query)]),
    comes: USERS,
  },
  {
    name: "an answer shortly before the limit",
    like: "a forwarder that has to ask others",
    answer: (query, asked) => (asked === 1 ? [{ late: good(query), afterMs: 250 }] : []),
    comes: USERS,
  },
  {
    name: "49 guesses before the answer",
    like: "RFC 5452 section 9.1",
    answer: (query) => [...guesses(query, 49), good(query)],
    comes: USERS,
  },
  {
    name: "a flood of 2,000 guesses",
    like: "RFC 5452 section 9.3: TCP is asked instead",
    answer: overUdp((query) => guesses(query, 2_000)),
    comes: USERS,
  },
  {
    name: "an answer without its question",
    like: "nobody but those who answer FORMERR",
    answer: (query) => [message(query, { ...GOOD, question: "" })],
    comes: SILENT,
  },
  {
    name: "an answer to another operation",
    like: "RFC 1035 section 4.1.1: its opcode is STATUS",
    answer: once({ ...GOOD, flags: "9500" }),
    comes: SILENT,
  },
  {
    name: "a datagram that is cut",
    like: "a middlebox; TCP is asked instead",
    answer: overUdp((query) => [good(query).subarray(0, -3)]),
    comes: USERS,
  },
  {
    name: "garbage behind the question",
    like: "nobody; TCP is asked instead",
    answer: overUdp((query) => [message(query, { counts: "0001000100000000", rest: "ff".repeat(40) })]),
    comes: USERS,
  },
  // Sizes.
  {
    name: "2,000 records in one datagram",
    like: "a server that takes no notice of EDNS sizes",
    answer: once({ answers: targets(2_000), additionals: [H1] }),
    comes: { some: 1_000 },
  },
  {
    name: "64 KB over TCP, most of it padding",
    like: "Consul with metadata as TXT records",
    answer: overTcp((query) => {
      const parts = { answers: targets(3), additionals: [H1] };
      const room = 65_535 - message(query, parts).length - record("00", 16, 0, "").length / 2;
      return [message(query, { ...parts, additionals: [H1, record("00", 16, 0, "00".repeat(room))] })];
    }),
    comes: ports(3).map((port) => `127.0.0.1:${port}`),
  },
  ...bomb("a thousand owners, each a pointer to the one before", chainOfPointers(), "too many compression pointers"),
  {
    name: "240 owners of 126 labels each",
    like: "nobody: 64 KB that are legal",
    answer: overTcp((query) => [
      message(query, { answers: ports(240).map(() => record(`${"0161".repeat(126)}00`, 1, 30, "7f000001")) }),
    ]),
    comes: failure("answered with records of other names or types only"),
  },
];

function guesses(query: PeerQuery, count: number): Buffer[] {
  const right = query.bytes.readUInt16BE();
  return ports(count).map((i) =>
    message(query, { answers: [srv("evil.test")], id: ((right + i) & 0xffff).toString(16).padStart(4, "0") }),
  );
}

/** Every name is decoded by walking the chain to its start: quadratic, for who does not look first. */
function chainOfPointers(): MessageParts {
  const start = 12 + name(SERVICE).length / 2 + 4;
  const owner = (i: number) => (0xc000 | (i === 0 ? 12 : start + 16 * (i - 1))).toString(16);
  return { answers: Array.from({ length: 1_000 }, (_, i) => record(owner(i), 1, 30, "7f000001")) };
}

export function bomb(what: string, parts: MessageParts, why: string): Mode[] {
  const comes = failure(`sent a malformed DNS message: ${why} (byte N of N)`);
  return [{ name: what, like: "nobody", answer: overTcp((query) => [message(query, parts)]), comes }];
}
