import { quoted } from "../common/quoted.ts";
import type { Bounds } from "../discovery/bounds.ts";
import { nothingLeft } from "../discovery/dropped.ts";
import type { Resolution } from "../discovery/resolver.ts";
import { DnsError, type SrvRecord } from "../dns/dns-client.ts";
import { type EndpointSpec, placeOf } from "../endpoint.ts";
import { hostName } from "../net/host-name.ts";
import type { Located } from "./look-up-hosts.ts";

/** A set that is incomplete because a look-up failed is asked for again soon. */
const INCOMPLETE_TTL_SECONDS = 5;

/** An SRV record, or what another source says that comes to the same. */
export interface TargetRecord extends SrvRecord {
  readonly metadata?: EndpointSpec["metadata"];
}

/** A source's records: those whose target is a host name, in its one spelling, and why each of the others is left out. */
export interface Sorted<R> {
  readonly records: readonly R[];
  readonly dropped: readonly string[];
}

/** A target that is not a host name is not even looked up. It does not hide its neighbours. */
export function withHostNames<R extends { readonly target: string }>(records: readonly R[]): Sorted<R> {
  const kept: R[] = [];
  const dropped: string[] = [];
  for (const record of records) {
    const target = hostName(record.target);
    if (target === undefined) dropped.push(`the server name ${quoted(record.target)} is not a host name`);
    else kept.push({ ...record, target });
  }
  return { records: kept, dropped };
}

/**
 * Makes endpoints of SRV records and what is known of their targets: priority becomes the tier, and the addresses of a
 * target share its weight. Targets without addresses, and those of which nothing is known yet, are left out; only if
 * every one failed is it a failure.
 */
export function toResolution(
  asked: string,
  { records, dropped }: Sorted<TargetRecord>,
  located: ReadonlyMap<string, Located>,
  { bounds, random }: { readonly bounds: Bounds; readonly random: () => number },
): Resolution {
  const endpoints = new Map<string, EndpointSpec>();
  let ttlSeconds = Math.min(...records.map((record) => record.ttlSeconds));
  let negativeTtlSeconds = ttlSeconds;
  let isComplete = true;
  let surplus = 0;
  const failures: unknown[] = [];
  for (const { target, port, priority, weight, metadata } of records) {
    const found = located.get(target);
    if (found === undefined || found.kind === "failed") isComplete = false;
    if (found?.kind === "surplus") surplus++;
    if (found?.kind === "failed") failures.push(found.error);
    if (found?.kind === "none") negativeTtlSeconds = Math.min(negativeTtlSeconds, found.ttlSeconds);
    if (found?.kind !== "addresses") continue;
    surplus += found.surplus ?? 0;
    for (const { address, alternate, ttlSeconds: ttl } of found.records) {
      ttlSeconds = Math.min(ttlSeconds, ttl);
      merge(endpoints, {
        address,
        ...(alternate !== undefined && { alternateAddress: alternate }),
        port,
        name: target,
        weight: weight / found.records.length,
        tier: priority,
        ...(metadata !== undefined && { metadata }),
      });
    }
  }
  if (endpoints.size > 0) {
    if (!isComplete) ttlSeconds = Math.min(ttlSeconds, INCOMPLETE_TTL_SECONDS);
    const all = [...endpoints.values()];
    const used = all.length > bounds.most ? bounds.endpoints(all, random) : all;
    surplus += all.length - used.length;
    const reasons = surplus > 0 ? [...dropped, ...bounds.reasons(surplus)] : dropped;
    const found = { kind: "endpoints", endpoints: used, ttlMs: ttlSeconds * 1000 } as const;
    return reasons.length > 0 ? { ...found, dropped: reasons } : found;
  }
  if (failures.length > 0) throw failures[0];
  if (dropped.length > 0) throw new DnsError(nothingLeft(dropped));
  return {
    kind: "empty",
    ttlMs: negativeTtlSeconds * 1000,
    reason: `none of the ${records.length} targets of ${asked} has an address of the wanted family`,
  };
}

/** An address and port that two records name is one endpoint: of the better tier, or with both weights. */
function merge(endpoints: Map<string, EndpointSpec>, added: EndpointSpec & { weight: number; tier: number }): void {
  const key = placeOf(added);
  const known = endpoints.get(key);
  const knownTier = known?.tier ?? Number.POSITIVE_INFINITY;
  if (knownTier < added.tier) return;
  const weight = knownTier === added.tier ? (known?.weight ?? 0) + added.weight : added.weight;
  endpoints.set(key, { ...added, weight });
}
