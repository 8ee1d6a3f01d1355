import type { AddressFamily, DnsClient } from "../dns/client.ts";
import { canonicalIp } from "../dns/ip-address.ts";
import { checkHostName } from "../net/host-name.ts";
import { earlier, type Located, locateHosts } from "./follow-up.ts";
import { parseHostPort } from "./host-port.ts";
import type { Resolver } from "./resolver.ts";
import { addressesFound, toResolution } from "./targets.ts";

export interface StaticResolverOptions {
  /** As the user wrote it; for messages. */
  readonly target: string;
  /** "host:port" each; an IPv6 address in brackets. */
  readonly entries: readonly string[];
  /** Asked for the entries that are host names only. */
  readonly dns: DnsClient;
  readonly family: AddressFamily;
}

/** A list of servers. It has no authority: TLS verifies each entry's own host. */
export function createStaticResolver({ target, entries, dns, family }: StaticResolverOptions): Resolver {
  if (entries.length === 0) throw new TypeError(`the target ${target} lists no servers`);
  const records = entries.map((entry) => {
    const { host, port } = parseHostPort(entry);
    return { target: checkHostName(host), port, priority: 0, weight: 1, ttlSeconds: Number.POSITIVE_INFINITY };
  });
  const hosts = records.map((record) => record.target);
  const literals = new Map<string, Located>();
  for (const host of hosts) {
    if (canonicalIp(host))
      literals.set(host, addressesFound([{ address: host, ttlSeconds: Number.POSITIVE_INFINITY }]));
  }
  return {
    target,
    async resolve(context) {
      const limits = earlier(context, context.clock);
      const named = hosts.filter((host) => !literals.has(host));
      const located = await locateHosts(named, (host) => dns.addresses(host, limits, family));
      const resolution = toResolution(target, { records, dropped: [] }, new Map([...literals, ...located]));
      if (resolution.kind !== "empty") return resolution;
      return { ...resolution, reason: `none of the hosts of ${target} has an address of the wanted family` };
    },
  };
}
