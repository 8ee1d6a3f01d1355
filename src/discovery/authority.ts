import { messageOf, quoted } from "../common/quoted.ts";
import { mayBeSecret, quotedUnlessSecret } from "../common/secret.ts";
import { ConfigurationError } from "../errors.ts";
import { hostNameFromUser, hostNameHint } from "../net/host-name.ts";
import { canonicalIp } from "../net/ip-address.ts";
import type { Resolver } from "./resolver.ts";

/**
 * A resolver's own name in its one spelling, if it has one. Read once: what is checked here is what is verified later.
 *
 * @param option the one that gives the resolver; for messages.
 */
export function authorityOf(resolver: Resolver, option: string): string | undefined {
  let authority: unknown;
  try {
    authority = resolver.authority;
  } catch (error) {
    throw new ConfigurationError([`${option}.authority cannot be read: ${quotedUnlessSecret(messageOf(error))}`]);
  }
  if (authority === undefined) return undefined;
  const name = typeof authority === "string" ? hostNameFromUser(authority) : undefined;
  if (name !== undefined) return name;
  const shown = typeof authority === "string" ? shownAuthority(authority) : typeof authority;
  throw new ConfigurationError([`${option}.authority must be a host name or an IP address, not ${shown}`]);
}

function shownAuthority(authority: string): string {
  return `${quotedUnlessSecret(authority)}${mayBeSecret(authority) ? "" : hostNameHint(authority)}`;
}

/** With `tls.serverName: "target"` and no `tls.targetSuffixes`, a target's own name is the domain that is trusted. */
export function checkIsDomain(authority: string | undefined, option: string): void {
  const why = whyNoDomain(authority);
  if (why === undefined) return;
  throw new ConfigurationError([`tls.serverName "target" needs tls.targetSuffixes, because ${option} ${why}`]);
}

function whyNoDomain(authority: string | undefined): string | undefined {
  if (authority === undefined) return "has no name of its own";
  if (canonicalIp(authority) !== undefined) return `is verified by an IP address, ${authority}`;
  return authority.includes(".") ? undefined : `is verified by a name of one label, ${quoted(authority)}`;
}
