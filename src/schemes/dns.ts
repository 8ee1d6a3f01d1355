import { Bounds } from "../discovery/bounds.ts";
import { asPartialAnswer } from "../discovery/partial-answers.ts";
import type { Resolver } from "../discovery/resolver.ts";
import type { AddressFamily, DnsClient } from "../dns/dns-client.ts";
import { checkHostName } from "../net/host-name.ts";
import { canonicalIp } from "../net/ip-address.ts";
import { ofFamily } from "./families.ts";
import { shortNameHint } from "./short-name.ts";

export interface HostResolverOptions {
  /** As the user wrote it; for messages. */
  readonly target: string;
  /** A host name, or an IP address without brackets. It is what TLS verifies. */
  readonly host: string;
  readonly port: number;
  /** The most records of an answer, where there may be more: an answer of this size is a sample. */
  readonly sampleSize?: number | undefined;
  readonly dns: DnsClient;
  readonly family: AddressFamily;
}

/** One endpoint for each address of a host (A and AAAA records), all with the same port. */
export function createHostResolver({ target, port, dns, family, ...options }: HostResolverOptions): Resolver {
  const { sampleSize = Number.POSITIVE_INFINITY } = options;
  const host = checkHostName(options.host);
  const literal = canonicalIp(host);
  const bounds = new Bounds();
  return {
    target,
    authority: host,
    async resolve(context) {
      if (literal !== undefined) {
        return { kind: "endpoints", endpoints: [{ address: literal, port, name: host }], ttlMs: Infinity };
      }
      const answer = await dns.addresses(host, context, family);
      if (answer.kind !== "records") {
        const reason = answer.kind === "nxdomain" ? "does not exist (NXDOMAIN)" : "has no address of the wanted family";
        const hint = answer.kind === "nxdomain" ? shortNameHint(host) : "";
        return { kind: "empty", ttlMs: answer.ttlSeconds * 1000, reason: `${host} ${reason}${hint}` };
      }
      const records = ofFamily(answer.records, family);
      const used = bounds.addresses(records, 1, context.random);
      const endpoints = used.map(({ address, alternate }) => {
        return { address, ...(alternate !== undefined && { alternateAddress: alternate }), port, name: host };
      });
      const ttlMs = Math.min(...used.map((record) => record.ttlSeconds)) * 1000;
      const dropped = bounds.reasons(records.length - used.length);
      const found = { kind: "endpoints", endpoints, ttlMs, ...(dropped.length > 0 && { dropped }) } as const;
      return records.length >= sampleSize ? asPartialAnswer(found) : found;
    },
  };
}
