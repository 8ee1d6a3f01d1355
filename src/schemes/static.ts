import { Bounds } from "../discovery/bounds.ts";
import type { Resolver } from "../discovery/resolver.ts";
import type { AddressFamily, DnsClient, LookUpLimits } from "../dns/dns-client.ts";
import { checkHostName } from "../net/host-name.ts";
import { parseHostPort } from "../net/host-port.ts";
import { canonicalIp } from "../net/ip-address.ts";
import { locateTargets } from "./locate-targets.ts";
import type { Located } from "./look-up-hosts.ts";

export interface StaticResolverOptions {
  /** As the user wrote it; for messages. */
  readonly target: string;
  /** "host:port" each; an IPv6 address in brackets. */
  readonly entries: readonly string[];
  /** Called once, and only if an entry is a host name. */
  dns(): DnsClient;
  readonly family: AddressFamily;
}

/** A list of servers. It has no authority: TLS verifies each entry's own host. */
export function createStaticResolver({ target, entries, dns, family }: StaticResolverOptions): Resolver {
  if (entries.length === 0) throw new TypeError(`the target ${target} lists no servers`);
  const records = entries.map((entry) => {
    const { host, port } = parseHostPort(entry);
    return { target: checkHostName(host), port, priority: 0, weight: 1, ttlSeconds: Number.POSITIVE_INFINITY };
  });
  const literals = new Map<string, Located>();
  for (const { target: host, ttlSeconds } of records) {
    if (canonicalIp(host)) literals.set(host, { kind: "addresses", records: [{ address: host, ttlSeconds }] });
  }
  const bounds = new Bounds();
  let client: DnsClient | undefined;
  return {
    target,
    async resolve(context) {
      const lookUp = (host: string, limits: LookUpLimits) => {
        client ??= dns();
        return client.addresses(host, limits, family);
      };
      const resolution = await locateTargets(
        { asked: target, records, dropped: [], known: literals, lookUp, family, bounds },
        context,
      );
      if (resolution.kind !== "empty") return resolution;
      return { ...resolution, reason: `none of the hosts of ${target} has an address of the wanted family` };
    },
  };
}
