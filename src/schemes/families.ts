import type { AddressFamily, AddressRecord, DnsClient } from "../dns/dns-client.ts";

/** An address of a server, and another one of the other family that leads to the same server. */
export interface DialAddress extends AddressRecord {
  readonly alternate?: string;
}

/**
 * The addresses of the wanted family. "auto" is IPv4 where there is any, else IPv6, and the other family's addresses go
 * along with them: the i-th of m gets the (i mod k)-th of the other k. A server with two families is still one endpoint,
 * which is found by either.
 */
export function ofFamily(records: readonly AddressRecord[], family: AddressFamily): readonly DialAddress[] {
  const distinct = [...new Map(records.map((record) => [record.address, record])).values()];
  const v6 = distinct.filter(isIpv6);
  const v4 = distinct.filter((record) => !isIpv6(record));
  if (family !== "auto") return family === "ipv6" ? v6 : v4;
  const [own, other] = v4.length > 0 ? [v4, v6] : [v6, []];
  if (other.length === 0) return own;
  // Sorted, so that the same answer in another order makes the same pairs.
  const others = [...other].sort(byAddress);
  return [...own].sort(byAddress).map(({ address, ttlSeconds }, index) => {
    const alternate = others[index % others.length] as AddressRecord;
    return { address, alternate: alternate.address, ttlSeconds: Math.min(ttlSeconds, alternate.ttlSeconds) };
  });
}

/**
 * Whether a target's additional records are all that is needed of it: where they are of both families, or of one that this
 * machine can use. A question for each target, for what is hardly ever dialled, would be more than the answer itself.
 */
export function isEnough(given: readonly AddressRecord[], dns: Pick<DnsClient, "hasFamily">): boolean {
  const [v6, v4] = [given.some(isIpv6), given.some((record) => !isIpv6(record))];
  return (v4 && v6) || (dns.hasFamily?.(v6 ? 6 : 4) ?? true);
}

function isIpv6({ address }: AddressRecord): boolean {
  return address.includes(":");
}

function byAddress(a: AddressRecord, b: AddressRecord): number {
  return a.address < b.address ? -1 : Number(a.address > b.address);
}
