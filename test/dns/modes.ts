import { hex } from "../support/dns-messages.ts";
import type { PeerQuery, PeerStep } from "../support/dns-peer.ts";
import type { FaultyRelay } from "../support/faulty-relay.ts";
import { a, cname, type MessageParts, message, name, OPT, QUESTION_NAME, record, SOA, srv } from "./records.ts";

/** What a DNS server may say, and what comes of it. */
export interface Mode {
  readonly name: string;
  /** The server or RFC that shows it. */
  readonly like: string;
  answer(query: PeerQuery, asked: number): readonly PeerStep[];
  /** "address:port" of the endpoints, or how many of them; the reason why there are none, or the message of the failure. */
  readonly comes:
    | readonly string[]
    | { readonly some: number }
    | { readonly empty: string }
    | { readonly fails: string };
  /** Where the TTL is what matters. */
  readonly ttlMs?: number;
  /** Default true. */
  readonly listensOverTcp?: boolean;
  /** Asked over TCP only, through a relay with this fault. */
  readonly relay?: (relay: FaultyRelay) => void;
}

export const SERVICE = "_grpc._tcp.users.test";
export const USERS = ["127.0.0.1:80"];
export const GOOD: MessageParts = { answers: [srv("h1.test")], additionals: [a("h1.test", "127.0.0.1")] };
export const good = (query: PeerQuery) => message(query, GOOD);
export const failure = (reason: string) => ({ fails: `cannot look up SRV ${SERVICE}: SERVER ${reason}` });
export const SILENT = failure(
  "gave no answer within N ms: let UDP and TCP out to it, or ask another server (dns.servers, or the one in the target)",
);
/** The name is as short as Kubernetes'. */
const MISSING = `${SERVICE} does not exist (NXDOMAIN): names are absolute here, search domains are not tried; for a Kubernetes service write ${SERVICE}.svc.cluster.local`;

export const once =
  (parts: MessageParts): Mode["answer"] =>
  (query) => [message(query, parts)];
/** Over UDP one thing, over TCP another. */
export const both =
  (udp: (query: PeerQuery) => PeerStep[], tcp: (query: PeerQuery) => PeerStep[]): Mode["answer"] =>
  (query) =>
    query.over === "udp" ? udp(query) : tcp(query);
export const truncated = (query: PeerQuery) => [message(query, { flags: "8700" })];

export const MODES: readonly Mode[] = [
  { name: "an answer", like: "knot", answer: once(GOOD), comes: USERS, ttlMs: 30_000 },
  // Answers to other questions, and what guessers send (RFC 5452).
  {
    name: "a wrong ID",
    like: "RFC 5452 section 9.1",
    answer: (query) => [message(query, { ...GOOD, id: "0000" })],
    comes: SILENT,
  },
  {
    name: "a wrong ID before the right one",
    like: "RFC 5452 section 9.1",
    answer: (query) => [message(query, { ...GOOD, id: "0000", answers: [srv("evil.test")] }), good(query)],
    comes: USERS,
  },
  {
    name: "an answer to another name",
    like: "RFC 5452 section 9.1",
    answer: (query) => [message(query, { ...GOOD, question: `${name("other.test")}00210001` })],
    comes: SILENT,
  },
  {
    name: "an answer to another type",
    like: "RFC 5452 section 9.1",
    answer: (query) => [message(query, { ...GOOD, question: `${name(SERVICE)}00010001` })],
    comes: SILENT,
  },
  {
    name: "an answer to another class",
    like: "RFC 5452 section 9.1",
    answer: (query) => [message(query, { ...GOOD, question: `${name(SERVICE)}00210003` })],
    comes: SILENT,
  },
  {
    name: "an answer from another port, before the right one",
    like: "RFC 5452 section 9.2",
    answer: (query) => [{ spoofed: message(query, { answers: [srv("evil.test")] }) }, good(query)],
    comes: USERS,
  },
  {
    name: "the query itself",
    like: "RFC 1035 section 4.1.1: QR is not set",
    answer: (query) => [query.bytes, good(query)],
    comes: USERS,
  },
  {
    name: "the answer twice",
    like: "a network that repeats datagrams",
    answer: (query) => [good(query), good(query)],
    comes: USERS,
  },
  {
    name: "an answer that comes after the next try began",
    like: "a forwarder that has to ask others",
    answer: (query, asked) => (asked === 1 ? [{ late: good(query), afterQueries: 2 }] : []),
    comes: USERS,
  },
  {
    name: "a hundred guesses",
    like: "RFC 5452 section 9.3: TCP is asked instead",
    answer: both(
      (query) =>
        Array.from({ length: 100 }, (_, i) => message(query, { ...GOOD, id: (i + 1).toString(16).padStart(4, "0") })),
      (query) => [good(query)],
    ),
    comes: USERS,
  },
  {
    name: "the name in other letters' case",
    like: "RFC 4343, and resolvers that mix the case (0x20)",
    answer: (query) => [
      message(query, { ...GOOD, question: `${name("_GRPC._tcp.Users.TEST")}00210001`, answers: [srv("H1.Test")] }),
    ],
    comes: USERS,
  },
  // Sizes.
  {
    name: "TC, then the whole over TCP",
    like: "knot",
    answer: both(truncated, (query) => [good(query)]),
    comes: USERS,
  },
  {
    name: "TC with a part of the records",
    like: "BIND; RFC 2181 section 9: a part is no answer",
    answer: both(
      (query) => [message(query, { ...GOOD, flags: "8700", answers: [srv("part.test")] })],
      (query) => [good(query)],
    ),
    comes: USERS,
  },
  {
    name: "TC over TCP, too",
    like: "nobody",
    answer: (query) => truncated(query),
    comes: failure("truncated its answer over TCP"),
  },
  {
    name: "TCP that ends within the answer",
    like: "a server that is restarted",
    answer: both(truncated, (query) => [{ raw: good(query).subarray(0, 20) }, "close"]),
    comes: failure("could not be asked over TCP: the connection was closed before the answer"),
  },
  {
    name: "TCP that ends without a word",
    like: "dnsmasq at its limit of connections",
    answer: both(truncated, () => ["close"]),
    comes: failure("could not be asked over TCP: the connection was closed before the answer"),
  },
  {
    name: "TCP byte by byte",
    like: "RFC 7766 section 8",
    answer: both(truncated, (query) => {
      const whole = good(query);
      return [{ drip: Buffer.concat([Buffer.of(whole.length >> 8, whole.length & 255), whole]) }];
    }),
    comes: USERS,
  },
  {
    name: "TCP with another answer first",
    like: "RFC 7766 section 6.2.1.1: answers may come out of order",
    answer: both(truncated, (query) => [message(query, { ...GOOD, id: "0000" }), good(query)]),
    comes: USERS,
  },
  {
    name: "a thousand targets",
    like: "Consul over TCP",
    answer: both(truncated, (query) => [
      message(query, {
        answers: Array.from({ length: 1_000 }, (_, i) => srv("h1.test", { port: i + 1, weight: 65_535 })),
        additionals: [a("h1.test", "127.0.0.1")],
      }),
    ]),
    comes: Array.from({ length: 1_000 }, (_, i) => `127.0.0.1:${i + 1}`),
  },
  // RCODEs.
  {
    name: "SERVFAIL",
    like: "unbound without a way out",
    answer: once({ flags: "8182" }),
    comes: failure("answered SERVFAIL"),
  },
  {
    name: "REFUSED",
    like: "knot, a zone that is not its own",
    answer: once({ flags: "8105" }),
    comes: failure("answered REFUSED"),
  },
  {
    name: "RCODE 11",
    like: "no server (RFC 6895 section 2.3)",
    answer: once({ flags: "810b" }),
    comes: failure("answered RCODE 11"),
  },
  {
    name: "BADVERS without EDNS, too",
    like: "RFC 6891 section 6.1.3: 12 bits",
    answer: once({ additionals: ["00002904d0010000000000"] }),
    comes: failure("answered BADVERS"),
  },
  {
    name: "FORMERR to EDNS",
    like: "RFC 6891 section 7, servers from before 1999",
    answer: (query) => [query.edns ? message(query, { flags: "8101", question: "" }) : good(query)],
    comes: USERS,
  },
  {
    name: "NOTIMP to EDNS",
    like: "RFC 6891 section 7",
    answer: (query) => [query.edns ? message(query, { flags: "8104" }) : good(query)],
    comes: USERS,
  },
  {
    name: "SERVFAIL once",
    like: "unbound that has just started",
    answer: (query, asked) => [asked === 1 ? message(query, { flags: "8182" }) : good(query)],
    comes: USERS,
  },
  // Nothing there.
  {
    name: "NXDOMAIN",
    like: "knot",
    answer: once({ flags: "8503", authorities: [SOA] }),
    comes: { empty: MISSING },
    ttlMs: 5_000,
  },
  {
    name: "NXDOMAIN without a SOA",
    like: "dnsmasq",
    answer: once({ flags: "8183" }),
    comes: { empty: MISSING },
    ttlMs: 0,
  },
  {
    name: "NODATA",
    like: "knot",
    answer: once({ authorities: [SOA] }),
    comes: { empty: `${SERVICE} has no SRV records` },
    ttlMs: 5_000,
  },
  {
    name: "NODATA without a SOA",
    like: "dnsmasq",
    answer: once({ flags: "8180" }),
    comes: { empty: `${SERVICE} has no SRV records` },
    ttlMs: 0,
  },
  {
    name: "a lame answer",
    like: "BIND for a zone that it does not serve",
    answer: once({ flags: "8100" }),
    comes: failure("is lame: it answered NOERROR without records, and is not authoritative"),
  },
  {
    name: 'the target "."',
    like: "RFC 2782: the service is decidedly not available",
    answer: once({ answers: [srv(".", { port: 0 })] }),
    comes: { empty: `${SERVICE} says that the service is not available (SRV target ".")` },
  },
  {
    name: "port 0",
    like: "nobody",
    answer: once({ answers: [srv("h1.test", { port: 0 })], additionals: [a("h1.test", "127.0.0.1")] }),
    comes: { empty: `no SRV record of ${SERVICE} has a port` },
  },
  // Records.
  {
    name: "records of other names",
    like: "a poisoned cache",
    answer: once({ answers: [srv("h1.test", { owner: name("_grpc._tcp.bank.test") })] }),
    comes: failure("answered with records of other names or types only"),
  },
  {
    name: "unrelated additional records",
    like: "a poisoned cache: they are not taken",
    answer: (query) => [
      query.asks.startsWith("SRV")
        ? message(query, { answers: [srv("h1.test")], additionals: [a("bank.test", "127.0.0.66")] })
        : message(query, {
            answers: query.asks === "A h1.test" ? [a("h1.test", "127.0.0.1")] : [],
            authorities: [SOA],
          }),
    ],
    comes: USERS,
  },
  {
    name: "an alias, and its records",
    like: "knot",
    answer: once({
      answers: [cname(QUESTION_NAME, "_x.test", 7), srv("h1.test", { owner: name("_x.test") })],
      additionals: [a("h1.test", "127.0.0.1")],
    }),
    comes: USERS,
    ttlMs: 7_000,
  },
  {
    name: "an alias alone",
    like: "any server at the border of its zones",
    answer: (query) => [
      query.asks === `SRV ${SERVICE}` ? message(query, { answers: [cname(QUESTION_NAME, "_x.test")] }) : good(query),
    ],
    comes: USERS,
  },
  {
    name: "an alias to itself",
    like: "a zone with a mistake",
    answer: once({ answers: [cname(QUESTION_NAME, SERVICE)] }),
    comes: failure("answered with a CNAME loop"),
  },
  {
    name: "two aliases in a circle, one an answer",
    like: "two zones with a mistake",
    answer: (query) => [
      message(query, { answers: [cname(QUESTION_NAME, query.asks === `SRV ${SERVICE}` ? "_x.test" : SERVICE)] }),
    ],
    comes: { fails: `cannot look up SRV ${SERVICE}: a CNAME loop` },
  },
  {
    name: "a TTL with the top bit set",
    like: "RFC 2181 section 8: it is 0",
    answer: once({ answers: [srv("h1.test", { ttl: 0xffff_ffff })], additionals: [a("h1.test", "127.0.0.1")] }),
    comes: USERS,
    ttlMs: 0,
  },
  {
    name: "a TTL of 68 years",
    like: "RFC 2181 section 8: the most there is",
    answer: once({
      answers: [srv("h1.test", { ttl: 0x7fff_ffff })],
      additionals: [a("h1.test", "127.0.0.1", 0x7fff_ffff)],
    }),
    comes: USERS,
    ttlMs: 0x7fff_ffff * 1_000,
  },
  {
    name: "an address with a shorter TTL",
    like: "RFC 2181 section 5.2",
    answer: once({ answers: [srv("h1.test")], additionals: [a("h1.test", "127.0.0.1", 3)] }),
    comes: USERS,
    ttlMs: 3_000,
  },
  // Bytes that are no message; over TCP, where nothing else can be tried.
  ...malformed(
    "a pointer to itself",
    { answers: [record("c02b", 33, 30, "")] },
    "a compression pointer does not lead backwards",
  ),
  ...malformed("counts without records", { counts: "0001ffffffffffff" }, "it is too short for its counts"),
  ...malformed("an SRV of no length", { answers: [record(QUESTION_NAME, 33, 30, "")] }, "cut short"),
  ...malformed(
    "an address of 3 bytes",
    { answers: [record(QUESTION_NAME, 1, 30, "7f0000")] },
    "the data of a record of type 1 has the wrong length",
  ),
  ...malformed("bytes behind the last record", { ...GOOD, rest: "00" }, "bytes after the last record"),
  ...malformed("two OPT records", { additionals: [OPT, OPT] }, "a misplaced OPT record"),
  ...malformed(
    "a label of 64 bytes",
    { answers: [record(`40${"61".repeat(64)}00`, 33, 30, "")] },
    "a label of unknown kind",
  ),
  ...malformed(
    "a name of 300 bytes",
    { answers: [record(`${`3f${"61".repeat(63)}`.repeat(5)}00`, 33, 30, "")] },
    "a name is longer than 255 bytes",
  ),
  ...malformed(
    "3,000 records",
    { answers: Array.from({ length: 3_000 }, () => record("00", 0xff00, 0, "")) },
    "more than 2048 records",
  ),
  { name: "12 bytes of nothing", like: "nobody", answer: () => [hex("00".repeat(12))], comes: SILENT },
  { name: "no bytes", like: "nobody", answer: () => [hex("")], comes: SILENT },
  { name: "silence", like: "a dead server", answer: () => [], comes: SILENT },
];

function malformed(what: string, parts: MessageParts, why: string): Mode[] {
  return [
    {
      name: what,
      like: "nobody",
      answer: both(truncated, (query) => [message(query, parts)]),
      comes: failure(`sent a malformed DNS message: ${why} (byte N of N)`),
    },
  ];
}
