import { Bounds } from "../../discovery/bounds.ts";
import { asPartialAnswer } from "../../discovery/partial-answers.ts";
import type { Resolver } from "../../discovery/resolver.ts";
import type { AddressFamily, DnsClient } from "../../dns/dns-client.ts";
import { resolveSrvAnswer } from "../srv.ts";
import { addressInTarget, consulName, isConsulTarget } from "./consul-names.ts";

export interface ConsulResolverOptions {
  /** As the user wrote it; for messages. */
  readonly target: string;
  /** "users", or "_users._tag" (RFC 2782). */
  readonly service: string;
  /** At most one: DNS cannot ask for more. */
  readonly tag?: string | undefined;
  readonly dc?: string | undefined;
  /** Another cluster that exports the service to this one. Not with `dc`. */
  readonly peer?: string | undefined;
  /** Of Consul Enterprise, as is `partition`. */
  readonly namespace?: string | undefined;
  readonly partition?: string | undefined;
  /** A prepared query to ask, by name or ID. */
  readonly preparedQuery?: string | undefined;
  /** Default "consul". */
  readonly domain?: string | undefined;
  /**
   * Asks Consul, or a forwarder to it. It should use TCP: over UDP Consul leaves instances out without saying so (no TC
   * bit), a random part of them whatever their weights.
   */
  readonly dns: DnsClient;
  /** `dns` uses UDP, so any answer may be a sample. */
  readonly overUdp: boolean;
  /** For instances registered with a host name outside Consul's domain. Default: `dns`. */
  readonly systemDns?: DnsClient | undefined;
  readonly family: AddressFamily;
}

/** The healthy instances of a Consul service, from its DNS interface. */
export function createConsulResolver(options: ConsulResolverOptions): Resolver {
  const { target, dns, overUdp, systemDns = dns, family } = options;
  const { name, authority, domain } = consulName(options);
  const bounds = new Bounds();
  return {
    target,
    authority,
    async resolve(context) {
      const answer = await dns.srv(name, context);
      const resolution = await resolveSrvAnswer(name, answer, context, {
        family,
        bounds,
        addressOf: (host) => addressInTarget(host, domain),
        lookUp: (host, limits) => (isConsulTarget(host, domain) ? dns : systemDns).addresses(host, limits, family),
      });
      if (answer.kind !== "nxdomain" || resolution.kind !== "empty")
        return overUdp ? asPartialAnswer(resolution) : resolution;
      const enterprise = options.namespace ?? options.partition;
      const causes = enterprise === undefined ? NXDOMAIN_CAUSES : `${NXDOMAIN_CAUSES}, ${NOT_ENTERPRISE}`;
      return { ...resolution, reason: `${resolution.reason}: ${causes}` };
    },
  };
}

/** Consul answers all of these alike. */
const NXDOMAIN_CAUSES =
  "no instance is healthy, or the service, its tag or the datacenter is unknown, or the agent's DNS token may not " +
  "read it (service:read and node:read), or the agent has just restarted";

const NOT_ENTERPRISE =
  "or it is the community edition, which has no namespaces and no partitions (CONSUL_NAMESPACE, CONSUL_PARTITION, or " +
  '"ns" and "partition" in the target)';
