import type { ResolveContext } from "../../discovery/resolver.ts";
import type { DnsClient, LookUpLimits } from "../../dns/dns-client.ts";
import { OVER } from "../../runtime.ts";

/** As many as a target of SRV records may have. */
const MOST_ADDRESSES = 16;

/**
 * The addresses of agents that are given by name, looked up each time: the DNS client has no cache. Where DNS fails or
 * is slow, those that were found before are used: agents seldom move, and a DNS that fails must not hide them.
 *
 * @returns a function that rejects where no address is known. `patienceMs`: how long it waits with addresses at hand.
 */
export function createAgentAddresses(dns: DnsClient) {
  const known = new Map<string, readonly string[]>();

  async function lookUp(host: string, limits: LookUpLimits): Promise<readonly string[]> {
    const answer = await dns.addresses(host, limits);
    const records = answer.kind === "records" ? answer.records : [];
    if (records.length === 0) throw new Error("its name has no address");
    const addresses = [...new Set(records.map(({ address }) => address))].slice(0, MOST_ADDRESSES);
    known.set(host, addresses);
    return addresses;
  }

  return async function addressesOf(
    host: string,
    limits: LookUpLimits & Pick<ResolveContext, "sleep">,
    patienceMs: number,
  ): Promise<readonly string[]> {
    const before = known.get(host);
    const asked = lookUp(host, limits);
    if (before === undefined) return asked;
    const answered = new AbortController();
    const tooSlow = limits.sleep(patienceMs, answered.signal).catch(() => {});
    try {
      return (await Promise.race([asked.catch(() => before), tooSlow])) ?? before;
    } finally {
      answered.abort(OVER);
    }
  };
}
