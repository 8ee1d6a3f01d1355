import { quoted } from "../common/quoted.ts";
import { Bounds } from "../discovery/bounds.ts";
import { nothingLeft } from "../discovery/dropped.ts";
import { asPartialAnswer } from "../discovery/partial-answers.ts";
import type { Resolution, ResolveContext, Resolver } from "../discovery/resolver.ts";
import {
  type AddressAnswer,
  type AddressFamily,
  type AddressRecord,
  type DnsClient,
  DnsError,
  type LookUpLimits,
  type SrvAnswer,
} from "../dns/dns-client.ts";
import { checkName } from "../dns/name.ts";
import { checkHostName } from "../net/host-name.ts";
import { completed } from "./additional.ts";
import { isEnough, ofFamily } from "./families.ts";
import { locateTargets } from "./locate-targets.ts";
import type { Located } from "./look-up-hosts.ts";
import { shortNameHint } from "./short-name.ts";
import { withHostNames } from "./srv-endpoints.ts";

export interface SrvResolverOptions {
  /** As the user wrote it; for messages. */
  readonly target: string;
  /** Absolute, usually `_service._proto.name`. TLS verifies it without `_service._proto` (RFC 9525). */
  readonly name: string;
  /** The most records of an answer, where there may be more: an answer of this size is a sample. */
  readonly sampleSize?: number | undefined;
  readonly dns: DnsClient;
  readonly family: AddressFamily;
}

/** Endpoints from SRV records (RFC 2782). */
export function createSrvResolver(options: SrvResolverOptions): Resolver {
  const { target, dns, family, sampleSize = Number.POSITIVE_INFINITY } = options;
  const { name, authority } = namesOf(options.name);
  const bounds = new Bounds();
  return {
    target,
    authority,
    async resolve(context) {
      const answer = await dns.srv(name, context);
      const resolution = await resolveSrvAnswer(name, answer, context, {
        family,
        bounds,
        addressOf: () => undefined,
        lookUp: (host, limits) => dns.addresses(host, limits, family),
        isEnough: (given) => isEnough(given, dns),
      });
      if (answer.kind === "nxdomain" && resolution.kind === "empty") {
        return { ...resolution, reason: resolution.reason + shortNameHint(name) };
      }
      const isSample = answer.kind === "records" && answer.records.length >= sampleSize;
      return isSample ? asPartialAnswer(resolution) : resolution;
    },
  };
}

/** The name to ask for, and the one without its leading `_service._proto` labels. */
function namesOf(written: string): { name: string; authority: string } {
  if (/:\d*$/.test(written)) {
    throw new DnsError(
      `${quoted(written)} has a port, but ports come from the SRV records: leave it out, or use dns:///`,
    );
  }
  const [labels = ""] = /^(?:_[^.]*(?:\.|$)){0,2}/.exec(written) ?? [];
  if (labels === written) {
    throw new DnsError(`${quoted(written)} has only service labels: add the domain`);
  }
  const authority = checkHostName(written.slice(labels.length));
  return { name: checkName(labels + authority), authority };
}

/** How the addresses of targets are found that the answer itself does not give. */
export interface TargetLookUp {
  readonly family: AddressFamily;
  readonly bounds: Bounds;
  /** The address that the target's name spells, if it does. */
  addressOf(target: string): string | undefined;
  lookUp(host: string, limits: LookUpLimits): Promise<AddressAnswer>;
  /** Whether a target's addresses in the additional section are all that is needed of it. Default: always. */
  isEnough?(given: readonly AddressRecord[]): boolean;
}

/** What SRV records and Consul's flavour of them have in common. */
export async function resolveSrvAnswer(
  name: string,
  answer: SrvAnswer,
  context: ResolveContext,
  targets: TargetLookUp,
): Promise<Resolution> {
  const { family, bounds } = targets;
  if (answer.kind !== "records") {
    const reason = answer.kind === "nxdomain" ? "does not exist (NXDOMAIN)" : "has no SRV records";
    return { kind: "empty", ttlMs: answer.ttlSeconds * 1000, reason: `${name} ${reason}` };
  }
  const ttlMs = Math.min(...answer.records.map((record) => record.ttlSeconds)) * 1000;
  const { unspellable = 0 } = answer;
  if (unspellable === 0 && answer.records.every((record) => record.target === ".")) {
    const reason = `${name} says that the service is not available (SRV target ".")`;
    return { kind: "unavailable", ttlMs, reason };
  }
  const named = withHostNames(answer.records.filter((record) => record.target !== "." && record.port > 0));
  const reason = "a server name contains bytes that a host name must not contain";
  const dropped = [...named.dropped, ...Array.from({ length: unspellable }, () => reason)];
  const { records } = named;
  if (records.length === 0 && dropped.length > 0) throw new DnsError(nothingLeft(dropped));
  if (records.length === 0) return { kind: "empty", ttlMs, reason: `no SRV record of ${name} has a port` };

  const known = new Map<string, Located>();
  for (const { target, ttlSeconds } of records) {
    const spelled = targets.addressOf(target);
    const given = answer.addresses.get(target) ?? [];
    const usable = ofFamily(spelled ? [{ address: spelled, ttlSeconds }] : given, family);
    if (usable.length > 0 && (spelled || family !== "auto" || (targets.isEnough?.(given) ?? true))) {
      known.set(target, { kind: "addresses", records: usable });
    }
    // Asking for another family of an address in hexadecimal finds nothing.
    else if (spelled) known.set(target, { kind: "none", ttlSeconds });
  }
  const lookUp = (host: string, limits: LookUpLimits) =>
    completed(answer.addresses.get(host) ?? [], targets.lookUp(host, limits), context);
  return locateTargets({ asked: name, records, dropped, known, lookUp, family, bounds }, context);
}
