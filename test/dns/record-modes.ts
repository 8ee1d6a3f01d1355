import { failure, type Mode, once, SERVICE, USERS } from "./modes.ts";
import { cname, label, message, name, QUESTION_NAME, record, SOA, srv } from "./records.ts";
import { bomb, H1, ports } from "./wire-modes.ts";

// Names that are none, and records that contradict each other.

/** The data of an SRV record of priority 0, weight 0 and port 80, whose target is not what `name()` would write. */
const pointing = (...labels: string[]) => `000000000050${labels.map(label).join("")}00`;

export const RECORD_MODES: readonly Mode[] = [
  // Names.
  ...bomb(
    "a target with an empty label",
    { answers: [record(QUESTION_NAME, 33, 30, pointing("h1", "", "test"))] },
    "the data of a record of type 33 has the wrong length",
  ),
  {
    name: "a target with a dot inside of a label",
    like: "a zone with an escape: it could not be told from two labels",
    answer: once({ answers: [record(QUESTION_NAME, 33, 30, pointing("h1.test"))], additionals: [H1] }),
    comes: failure("answered only with names that are not host names"),
  },
  {
    name: "a target that is not UTF-8, beside another",
    like: "nobody",
    answer: once({
      answers: [record(QUESTION_NAME, 33, 30, pointing("\xff\xfe")), srv("h1.test")],
      additionals: [H1],
    }),
    comes: USERS,
  },
  {
    name: "an alias that is not a host name",
    like: "somebody who forges answers",
    answer: once({ answers: [cname(QUESTION_NAME, "evil.test/.users.test"), srv("h1.test")], additionals: [H1] }),
    comes: failure('answered with the alias "evil.test/.users.test", which is not a host name'),
  },
  {
    name: "an alias whose bytes are those of no host name, and what it leads to",
    like: "somebody who forges answers",
    answer: once({
      answers: [
        cname(QUESTION_NAME, "a b.test"),
        record(name("a b.test"), 33, 30, pointing("h1", "test")),
        srv("h1.test"),
      ],
      additionals: [H1],
    }),
    comes: failure("answered with an alias that is not a host name"),
  },
  {
    name: "an alias whose bytes are those of no host name, and no such name",
    like: "a zone with a slip in it: it is not known to be empty",
    answer: once({ flags: "8503", answers: [cname(QUESTION_NAME, "\xfc.test")], authorities: [SOA] }),
    comes: failure("answered with an alias that is not a host name"),
  },
  // Records that contradict each other.
  {
    name: "an address instead of SRV records",
    like: "a wildcard",
    answer: once({ answers: [record(QUESTION_NAME, 1, 30, "7f000001")] }),
    comes: failure("answered with records of other names or types only"),
  },
  {
    name: "17 aliases in one answer",
    like: "NSD, which follows 20",
    answer: once({ answers: aliases(17) }),
    comes: failure("answered with more than 16 CNAMEs"),
  },
  {
    name: "aliases without end, one an answer",
    like: "a zone that is written for it",
    answer: (query, asked) => [message(query, { answers: [cname(QUESTION_NAME, `_${asked}.test`)] })],
    comes: { fails: `cannot look up SRV ${SERVICE}: more than 16 CNAMEs` },
  },
  {
    name: "RCODE 23 in the OPT record",
    like: "BIND: BADCOOKIE (RFC 7873)",
    answer: once({ flags: "8507", additionals: ["00002904d0010000000000"] }),
    comes: failure("answered RCODE 23"),
  },
  {
    name: "port 0 beside a good one",
    like: "Consul for a service without a port",
    answer: once({ answers: [srv("h2.test", { port: 0 }), srv("h1.test")], additionals: [H1] }),
    comes: USERS,
  },
  {
    name: 'the target "." beside a good one',
    like: "RFC 2782 knows it alone only",
    answer: once({ answers: [srv("."), srv("h1.test")], additionals: [H1] }),
    comes: USERS,
  },
  {
    name: "one record a hundred times",
    like: "an instance that is registered again and again",
    answer: once({ answers: ports(100).map(() => srv("h1.test")), additionals: [H1] }),
    comes: USERS,
  },
  {
    name: "TTLs that differ within the answer",
    like: "RFC 2181 section 5.2: the lowest counts",
    answer: once({ answers: [srv("h1.test", { ttl: 60 }), srv("h1.test", { ttl: 20, port: 81 })], additionals: [H1] }),
    comes: ["127.0.0.1:80", "127.0.0.1:81"],
    ttlMs: 20_000,
  },
  {
    name: "a link-local address",
    like: "RFC 4007 section 6: it means nothing without its interface",
    answer: (query) => [
      query.asks.startsWith("SRV")
        ? message(query, {
            answers: [srv("h1.test")],
            additionals: [record(name("h1.test"), 28, 30, `fe80${"00".repeat(13)}01`)],
          })
        : message(query, { authorities: [SOA] }),
    ],
    comes: { empty: `none of the 1 targets of ${SERVICE} has an address of the wanted family` },
  },
];

function aliases(count: number): string[] {
  return ports(count).map((i) => cname(i === 1 ? QUESTION_NAME : name(`_${i - 1}.test`), `_${i}.test`));
}
