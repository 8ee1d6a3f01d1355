import { quoted } from "../common/quoted.ts";
import { hostName } from "../net/host-name.ts";
import { DnsError, type NoRecords } from "./dns-client.ts";
import { type DnsMessage, type DnsRecord, NXDOMAIN, type Question, rcodeName } from "./message.ts";

/** What a message says about a question. */
export type Finding =
  | {
      readonly kind: "records";
      readonly records: readonly DnsRecord[];
      readonly additionals: readonly DnsRecord[];
      /** Records of this type besides, which lead to names that cannot be told in text. */
      readonly unspellable: number;
    }
  /** CNAMEs that lead to a name of which the message says nothing: it has to be asked for. */
  | { readonly kind: "alias" }
  /** `isUnconfirmed`: without a SOA record, so it may as well come from a server that knows nothing of the zone. */
  | (NoRecords & { readonly isUnconfirmed: boolean });

export type DnsAnswer = Finding & {
  /** The names that the CNAMEs lead to, in order. */
  readonly aliases: readonly string[];
  /** The lowest TTL of the RRset and of the CNAMEs before it (RFC 2181 section 5.2). */
  readonly ttlSeconds: number;
};

/** More than any real chain; knot gives up after 5 links, NSD follows 20. */
export const MAX_ALIASES = 16;

/**
 * Only records whose owner is the question's name, or an alias it leads to, count: c-ares takes an SRV of any name. A
 * message that answers nothing is a failure, never an empty success; the caller then asks elsewhere.
 */
export function readFinding(question: Question, message: DnsMessage): DnsAnswer {
  const { aliases, ttlSeconds, owner } = followAliases(question.name, message.answers);
  const records = message.answers.filter((record) => record.type === question.type && record.name === owner);
  const unspellable = message.answers.filter(
    (record) => record.type === "unspellable" && record.of === question.type && record.name === owner,
  ).length;
  if (records.length > 0) {
    const ttl = Math.min(ttlSeconds, ...records.map((record) => record.ttlSeconds));
    return { kind: "records", records, additionals: message.additionals, unspellable, aliases, ttlSeconds: ttl };
  }
  if (unspellable > 0) throw new DnsError("answered only with names that are not host names");
  const soa = message.authorities.find((record) => record.type === "SOA");
  // RFC 2308 section 5. Without a SOA, not to be kept at all.
  const negativeTtl = soa ? Math.min(soa.ttlSeconds, soa.minimumSeconds, ttlSeconds) : 0;
  // With aliases, NXDOMAIN is about the last of them (RFC 6604 section 3).
  if (message.rcode === NXDOMAIN) {
    return { kind: "nxdomain", isUnconfirmed: false, aliases, ttlSeconds: negativeTtl };
  }
  if (soa) return { kind: "nodata", isUnconfirmed: false, aliases, ttlSeconds: negativeTtl };
  if (aliases.length > 0) return { kind: "alias", aliases, ttlSeconds };
  if (message.answerCount > 0) throw new DnsError("answered with records of other names or types only");
  // dnsmasq's own NODATA has neither a SOA nor the authoritative bit, but it offers recursion; a lame server does not.
  if (!message.authoritative && !message.recursionAvailable) {
    throw new DnsError(`is lame: it answered ${rcodeName(message.rcode)} without records, and is not authoritative`);
  }
  return { kind: "nodata", isUnconfirmed: true, aliases, ttlSeconds: 0 };
}

function isAlias(record: DnsRecord): boolean {
  return record.type === "CNAME" || (record.type === "unspellable" && record.of === "CNAME");
}

function followAliases(name: string, answers: readonly DnsRecord[]) {
  const aliases: string[] = [];
  let ttlSeconds = Number.POSITIVE_INFINITY;
  let owner = name;
  for (;;) {
    const alias = answers.find((record) => isAlias(record) && record.name === owner);
    if (alias === undefined) return { aliases, ttlSeconds, owner };
    // As glibc's resolver (res_hnok): what an alias leads to may become the name of a host.
    if (alias.type !== "CNAME") throw new DnsError("answered with an alias that is not a host name");
    if (hostName(alias.target) === undefined) {
      throw new DnsError(`answered with the alias ${quoted(alias.target)}, which is not a host name`);
    }
    if (alias.target === name || aliases.includes(alias.target)) throw new DnsError("answered with a CNAME loop");
    if (aliases.length === MAX_ALIASES) throw new DnsError(`answered with more than ${MAX_ALIASES} CNAMEs`);
    aliases.push(alias.target);
    ttlSeconds = Math.min(ttlSeconds, alias.ttlSeconds);
    owner = alias.target;
  }
}
