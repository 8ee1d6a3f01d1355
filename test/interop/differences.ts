import { serviceName } from "./look-up.ts";
import { a, answerOf, cached, countOf, isTruncated, longest, srv, targetsOf } from "./observe.ts";
import { ask, askTogether, type RawQuestion } from "./raw-query.ts";
import { BROKEN_ZONE, MUTE_ZONE, ZONE } from "./zones.ts";

/** Something that some servers do and others do not, and what our resolver makes of both. */
export interface Difference {
  readonly what: string;
  /** All of the servers that do it, by comma. */
  readonly shownBy: string;
  /** Whether the server on this port does it. */
  shows(port: number): Promise<boolean>;
  /** The name that our resolver looks up. */
  readonly lookUp: string;
  readonly comes: Expected;
  /** Where the server does it. Default `comes`: it makes no difference. */
  readonly comesThere?: Expected;
  /** Servers that are exceptions to both. */
  readonly except?: Readonly<Record<string, Expected>>;
}

export interface Expected {
  /** "address:port", or how many there are. */
  readonly endpoints?: readonly string[] | number;
  /** Part of the reason why there are none. */
  readonly empty?: string;
  readonly fails?: RegExp;
  /** The shortest and the longest. */
  readonly ttlSeconds?: readonly [number, number];
}

const AUTHORITIES = "knot, BIND, NSD, PowerDNS, dnsmasq, CoreDNS";
const ONE: Expected = { endpoints: ["127.0.0.1:8001"] };
const SIXTY = { lookUp: serviceName("sixty"), comes: { endpoints: 60 } };
const THREE = {
  lookUp: serviceName("three"),
  comes: { endpoints: ["127.0.0.1:8001", "127.0.0.2:8002", "127.0.0.3:8003"] },
};
const MIXED = { lookUp: serviceName("mixed"), comes: ONE };
const SOA_MINIMUM_SECONDS = 5;

export const DIFFERENCES: readonly Difference[] = [
  // The additional section.
  {
    what: "sends no addresses with SRV records (from its cache, at least)",
    shownBy: "unbound, PowerDNS Recursor, Knot Resolver, dnsmasq forwarder",
    shows: async (port) => countOf((await cached(port, srv("three"))).additionals, "A") === 0,
    ...THREE,
  },
  {
    what: "sends no addresses with fifteen SRV records",
    shownBy: "BIND, unbound, PowerDNS Recursor, Knot Resolver, dnsmasq forwarder",
    shows: async (port) => countOf((await cached(port, srv("fifteen"))).additionals, "A") === 0,
    lookUp: serviceName("fifteen"),
    comes: { endpoints: 15 },
  },
  {
    what: "sends addresses of other hosts than the targets",
    shownBy: "NSD",
    shows: async (port) =>
      (await answerOf(port, srv("three"))).additionals?.some((each) => each.name === `ns.${ZONE}`) ?? false,
    ...THREE,
  },
  {
    what: "sends its own name servers with the answer",
    shownBy: "NSD, CoreDNS",
    shows: async (port) => countOf((await answerOf(port, srv("three"))).authorities, "NS") > 0,
    ...THREE,
  },
  // Answers that are too long for UDP.
  {
    what: "truncates to nothing",
    shownBy: "knot, BIND, NSD, PowerDNS, unbound, PowerDNS Recursor, dnsdist, Knot Resolver",
    shows: (port) => isTruncated(port, {}, ({ answers }) => answers?.length === 0),
    ...SIXTY,
  },
  {
    what: "truncates to a part of the records",
    shownBy: "dnsmasq, CoreDNS, dnsmasq forwarder, CoreDNS forwarder",
    shows: (port) => isTruncated(port, {}, ({ answers = [] }) => answers.length > 0 && answers.length < 60),
    ...SIXTY,
  },
  {
    what: "truncates to a part of the records without EDNS",
    shownBy: "BIND, dnsmasq, CoreDNS, dnsmasq forwarder, CoreDNS forwarder",
    shows: (port) =>
      isTruncated(port, { edns: false }, ({ answers = [] }) => answers.length > 0 && answers.length < 60),
    ...SIXTY,
  },
  {
    what: "truncates, and leaves the OPT record out",
    shownBy: "dnsmasq, dnsmasq forwarder",
    shows: (port) => isTruncated(port, {}, ({ additionals }) => countOf(additionals, "OPT") === 0),
    ...SIXTY,
  },
  // TTLs.
  {
    what: "counts the TTL down",
    shownBy: "unbound, PowerDNS Recursor, dnsmasq forwarder, Knot Resolver, CoreDNS forwarder",
    shows: async (port) => longest(await cached(port, srv("counting"), {}, 1_100)) < 30,
    lookUp: serviceName("counting"),
    comes: { ...ONE, ttlSeconds: [30, 30] },
    comesThere: { ...ONE, ttlSeconds: [10, 29] },
  },
  {
    what: "makes a TTL of 0 a longer one",
    shownBy: "dnsmasq, PowerDNS Recursor, Knot Resolver, CoreDNS forwarder",
    shows: async (port) => longest(await answerOf(port, srv("zero"))) > 0,
    lookUp: serviceName("zero"),
    comes: { ...ONE, ttlSeconds: [0, 0] },
    comesThere: { ...ONE, ttlSeconds: [1, 30] },
    // The first answer only.
    except: { "Knot Resolver": { ...ONE, ttlSeconds: [0, 5] } },
  },
  {
    what: "sends no SOA record with NXDOMAIN",
    shownBy: "dnsmasq",
    shows: async (port) => countOf((await answerOf(port, srv("missing"))).authorities, "SOA") === 0,
    lookUp: serviceName("missing"),
    comes: { empty: "does not exist (NXDOMAIN)", ttlSeconds: [0, SOA_MINIMUM_SECONDS] },
    comesThere: { empty: "does not exist (NXDOMAIN)", ttlSeconds: [0, 0] },
  },
  {
    what: "sends a SOA record whose TTL is above its minimum",
    shownBy: "CoreDNS",
    shows: async (port) => {
      const { authorities = [] } = await answerOf(port, srv("missing"));
      return authorities.some((each) => each.type === "SOA" && (each.ttl ?? 0) > SOA_MINIMUM_SECONDS);
    },
    lookUp: serviceName("missing"),
    comes: { empty: "does not exist (NXDOMAIN)", ttlSeconds: [0, SOA_MINIMUM_SECONDS] },
  },
  {
    what: "sends no SOA record with NODATA",
    shownBy: "dnsmasq",
    shows: async (port) => countOf((await answerOf(port, { ...a("only-a"), type: "SRV" })).authorities, "SOA") === 0,
    lookUp: `only-a.${ZONE}`,
    comes: { empty: "has no SRV records", ttlSeconds: [0, SOA_MINIMUM_SECONDS] },
    comesThere: { empty: "has no SRV records", ttlSeconds: [0, 0] },
  },
  // Aliases.
  {
    what: "leaves a chain of eight aliases after five",
    shownBy: "knot, dnsdist, dnsmasq forwarder, Knot Resolver, CoreDNS forwarder",
    shows: async (port) => countOf((await answerOf(port, a("chain8"))).answers, "A") === 0,
    lookUp: serviceName("chain8"),
    comes: ONE,
    // It keeps the name where knot stopped as one without addresses, and says so when it is asked for the rest.
    except: { "dnsmasq forwarder": { empty: "has an address of the wanted family" } },
  },
  {
    what: "fails at a chain of twenty aliases",
    shownBy: "BIND, PowerDNS, unbound, PowerDNS Recursor",
    shows: async (port) => (await answerOf(port, a("chain20"))).rcode === "SERVFAIL",
    lookUp: serviceName("chain20"),
    comes: { fails: /more than 16 CNAMEs/ },
    comesThere: { fails: /A chain20\.svc\.test: .* answered SERVFAIL/ },
    except: { "dnsmasq forwarder": { empty: "has an address of the wanted family" } },
  },
  {
    what: "fails at a loop of aliases",
    shownBy: "BIND, PowerDNS, unbound, PowerDNS Recursor",
    shows: async (port) => (await answerOf(port, a("loop-a"))).rcode === "SERVFAIL",
    lookUp: serviceName("loop"),
    comes: { fails: /CNAME loop/ },
    comesThere: { fails: /A loop-a\.svc\.test: .* answered SERVFAIL/ },
    // It does not start with a loop, so its zone has none.
    except: { dnsmasq: { empty: "has an address of the wanted family" } },
  },
  // Letters.
  {
    what: "answers with the owner's name in the zone's letters, not the question's",
    shownBy: "BIND, CoreDNS",
    shows: async (port) => targetsOf(await answerOf(port, srv("mIXED")))[0]?.owner === serviceName("Mixed"),
    ...MIXED,
  },
  {
    what: "answers with targets in the zone's letters",
    shownBy: "BIND, PowerDNS, CoreDNS",
    shows: async (port) => targetsOf(await answerOf(port, srv("mixed")))[0]?.target === `H1.${ZONE}`,
    ...MIXED,
  },
  // Order.
  {
    what: "sends the records in another order each time",
    shownBy: "BIND, PowerDNS, dnsmasq, dnsmasq forwarder, Knot Resolver",
    shows: async (port) => {
      const orders = new Set<string>();
      for (let i = 0; i < 20; i++) {
        orders.add(
          targetsOf(await answerOf(port, srv("three")))
            .map((each) => each.port)
            .join(),
        );
      }
      return orders.size > 1;
    },
    ...THREE,
  },
  {
    what: "answers over TCP when it can, not in order",
    shownBy: "unbound, PowerDNS Recursor, Knot Resolver",
    shows: async (port) => {
      const slow: RawQuestion = { name: `slow.${MUTE_ZONE}`, type: "SRV" };
      const [first = 1] = await askTogether(port, [slow, srv("three"), srv("zero")], 1_000);
      return first !== 1;
    },
    ...THREE,
  },
  // Questions that we do not ask.
  {
    what: "refuses without RD",
    shownBy: "unbound, Knot Resolver",
    shows: async (port) => (await answerOf(port, srv("three"), { rd: false })).rcode === "REFUSED",
    ...THREE,
  },
  ...(
    [
      ["FORMERR", "BIND, NSD, CoreDNS, unbound, CoreDNS forwarder"],
      ["REFUSED", "dnsmasq"],
      ["silence", "knot, PowerDNS, PowerDNS Recursor, dnsmasq forwarder, dnsdist, Knot Resolver"],
    ] as const
  ).map(
    ([answer, shownBy]): Difference => ({
      what: `answers two questions by ${answer}`,
      shownBy,
      shows: async (port) => {
        const two = await ask(port, srv("three"), { and: srv("sixty"), waitMs: 1_000 });
        return (two?.rcode ?? "silence") === answer;
      },
      ...THREE,
    }),
  ),
  // Failures.
  {
    what: "answers SERVFAIL for a zone that cannot be read",
    shownBy:
      "knot, BIND, NSD, PowerDNS, CoreDNS, unbound, PowerDNS Recursor, dnsmasq forwarder, dnsdist, Knot Resolver, CoreDNS forwarder",
    shows: async (port) => (await answerOf(port, { name: BROKEN_ZONE, type: "SRV" })).rcode === "SERVFAIL",
    lookUp: BROKEN_ZONE,
    comes: { fails: /answered REFUSED/ },
    comesThere: { fails: /answered SERVFAIL/ },
  },
  {
    what: "answers REFUSED for a zone that is not its own",
    shownBy: `${AUTHORITIES}, dnsmasq forwarder, dnsdist, Knot Resolver, CoreDNS forwarder`,
    shows: async (port) => (await answerOf(port, { name: "_grpc._tcp.example.org", type: "SRV" })).rcode === "REFUSED",
    lookUp: "_grpc._tcp.example.org",
    comes: { fails: /answered SERVFAIL/ },
    comesThere: { fails: /answered REFUSED/ },
  },
  {
    what: "says nothing while it waits for an authority that does not answer",
    shownBy: "unbound, PowerDNS Recursor, dnsmasq forwarder, dnsdist, Knot Resolver, CoreDNS forwarder",
    shows: async (port) => (await ask(port, { name: `fast.${MUTE_ZONE}`, type: "SRV" }, { waitMs: 300 })) === undefined,
    lookUp: `soon.${MUTE_ZONE}`,
    comes: { fails: /answered REFUSED/ },
    comesThere: { fails: /answered SERVFAIL|gave no answer within \d+ ms/ },
  },
];
