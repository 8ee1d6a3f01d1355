import { handled } from "../common/handled.ts";
import { quoted } from "../common/quoted.ts";
import type { EndpointSpec, ListedEndpoint } from "../endpoint.ts";
import { hostName, isInDomain } from "../net/host-name.ts";
import { canonicalIp } from "../net/ip-address.ts";
import type { TlsOptions } from "../net/tls-options.ts";
import { authorityOf, checkIsDomain } from "./authority.ts";
import { nothingLeft } from "./dropped.ts";
import type { Resolution, Resolver } from "./resolver.ts";

/** An answer that lists endpoints. */
export type Listing = Resolution & { readonly kind: "endpoints" };

/** What the names of a target's servers must be. */
interface NameRules {
  /** The name that TLS verifies for every server; undefined where it is each server's own. */
  readonly common: string | undefined;
  /** With `tls.serverName: "target"`: the domains that each server's own name must be in. */
  readonly trusted: readonly string[] | undefined;
}

/** @param authority of the target; it and the options are checked. */
export function nameRules(authority: string | undefined, tls: TlsOptions | false): NameRules {
  const serverName = tls === false ? undefined : tls.serverName;
  if (tls === false || serverName !== "target") return { common: serverName ?? authority, trusted: undefined };
  return { common: undefined, trusted: tls.targetSuffixes ?? (authority === undefined ? [] : [authority]) };
}

/**
 * The name that TLS verifies for an endpoint: the user's `tls.serverName`, else the name in the target, else (a static
 * list, a resolver without `authority`) the server's own. Never a name that only DNS gave, unless "target" asks for it.
 */
function verifiedNameOf(resolver: Resolver, tls: TlsOptions | false): (spec: EndpointSpec) => string {
  const { common } = nameRules(resolver.authority, tls);
  return common === undefined ? (spec) => spec.name ?? spec.address : () => common;
}

/** Each target's endpoints by the name of that target. */
export function verifiedNameOfEither(
  resolver: Resolver,
  fallback: Resolver | undefined,
  tls: TlsOptions | false,
): (spec: ListedEndpoint) => string {
  const first = verifiedNameOf(resolver, tls);
  if (fallback === undefined) return first;
  const second = verifiedNameOf(fallback, tls);
  return (spec) => (spec.fallback ? second : first)(spec);
}

/**
 * The border that every answer passes: behind it, each name is one that TLS can verify.
 *
 * @param option the one that gives the resolver; for messages.
 * @param tls checked.
 * @param read takes an answer that may be anything, and returns one that is what its type says.
 * @throws ConfigurationError where the resolver's own name cannot be used, or is not enough to know which names to trust.
 */
export function withCheckedNames(
  resolver: Resolver,
  option: string,
  tls: TlsOptions | false,
  read: (resolution: Resolution) => Resolution = (resolution) => resolution,
): Resolver {
  const authority = authorityOf(resolver, option);
  if (tls !== false && tls.serverName === "target" && tls.targetSuffixes === undefined)
    checkIsDomain(authority, option);
  const rules = nameRules(authority, tls);
  const check = (returned: Resolution): Resolution => {
    const resolution = read(returned);
    if (resolution.kind !== "endpoints") return resolution;
    const { rest, ...listing } = withoutStrangeNames(resolution, rules);
    return rest === undefined ? listing : { ...listing, rest: handled(rest.then(check)) };
  };
  return {
    target: resolver.target,
    ...(authority !== undefined && { authority }),
    async resolve(context) {
      return check(await resolver.resolve(context));
    },
  };
}

/**
 * Leaves out each endpoint whose name or address cannot be what it claims to be. Whoever can forge an answer chooses
 * its names, so one bad record must neither reach a connection nor take the others with it. The rest has every name in
 * its one spelling, so that the same server is the same endpoint.
 *
 * @throws if nothing is left: that is a failed look-up, not an empty answer.
 */
function withoutStrangeNames(listing: Listing, rules: NameRules): Listing {
  const endpoints: EndpointSpec[] = [];
  const dropped = [...(listing.dropped ?? [])];
  for (const spec of listing.endpoints) {
    const checked = checkNames(spec, rules);
    if ("reason" in checked) dropped.push(checked.reason);
    else endpoints.push(checked);
  }
  if (endpoints.length === 0) throw new Error(nothingLeft(dropped));
  return { ...listing, endpoints, dropped };
}

/** The endpoint, or why it cannot be used. */
function checkNames(spec: EndpointSpec, { common, trusted }: NameRules): EndpointSpec | { readonly reason: string } {
  const host = hostName(spec.address);
  const address = host ?? scopedAddress(spec.address);
  if (address === undefined) {
    return { reason: `the address ${quoted(spec.address)} is neither an IP address nor a host name` };
  }
  const alternate = spec.alternateAddress === undefined ? undefined : canonicalIp(spec.alternateAddress);
  if (spec.alternateAddress !== undefined && alternate === undefined) {
    return { reason: `the alternate address ${quoted(spec.alternateAddress)} is not an IP address` };
  }
  const name = spec.name === undefined ? undefined : hostName(spec.name);
  if (spec.name !== undefined && name === undefined) {
    return { reason: `the server name ${quoted(spec.name)} is not a host name` };
  }
  if (name === undefined && (trusted !== undefined || (common === undefined && host === undefined))) {
    return { reason: `the server ${address} has no name to verify` };
  }
  if (name !== undefined && trusted?.some((domain) => isInDomain(name, domain)) === false) {
    return { reason: `the server name ${name} is in none of the trusted domains (${trusted.join(", ")})` };
  }
  const other = alternate !== undefined && { alternateAddress: alternate };
  return { ...spec, address, ...other, ...(name !== undefined && { name }) };
}

/** A link-local address with its interface (`fe80::1%eth0`) can be dialled, but is not a name that TLS could verify. */
function scopedAddress(text: string): string | undefined {
  const [, address = "", scope = ""] = /^([^%]+)%([\w.-]{1,15})$/.exec(text) ?? [];
  const ip = canonicalIp(address);
  return ip === undefined ? undefined : `${ip}%${scope}`;
}
