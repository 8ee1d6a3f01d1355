import { ConfigurationError } from "../errors.ts";
import { hostNameFromUser, hostNameHint } from "../net/host-name.ts";
import { canonicalIp } from "../net/ip-address.ts";
import type { TlsOptions } from "../net/wire-options.ts";
import { messageOf, quoted } from "../quoted.ts";
import { mayBeSecret, quotedUnlessSecret } from "../secret.ts";
import { checkResolution } from "./check-resolution.ts";
import type { Resolution, Resolver } from "./resolver.ts";
import { nameRules, withCheckedNames } from "./server-names.ts";

/**
 * The border that every answer passes, that of our resolvers and that of a user's: behind it each field is what its
 * type says, and each name is a host name.
 *
 * @param option the one that gives the resolver; for messages.
 * @param tls checked.
 * @throws ConfigurationError where the resolver's own name cannot be used, or is not enough to tell which names to trust.
 */
export function checkedResolver(
  resolver: Resolver,
  option: "target" | "fallbackTarget",
  tls: TlsOptions | false,
): Resolver {
  const authority = authorityOf(resolver, option);
  if (tls !== false && tls.serverName === "target" && tls.targetSuffixes === undefined) {
    const why = whyNoDomain(authority);
    if (why !== undefined) {
      throw new ConfigurationError([`tls.serverName "target" needs tls.targetSuffixes, because ${option} ${why}`]);
    }
  }
  const rules = nameRules(authority, tls);
  const check = (resolution: Resolution): Resolution => {
    const checked = checkResolution(resolution);
    if (checked.kind !== "endpoints") return checked;
    const { rest, ...listing } = withCheckedNames(checked, rules);
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

/** Whoever waits for it hears of its failure; nobody has to. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/** Read once: what was checked is what is verified later. */
function authorityOf(resolver: Resolver, option: string): string | undefined {
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

/** Why a target's own name is not a domain that could be trusted. */
function whyNoDomain(authority: string | undefined): string | undefined {
  if (authority === undefined) return "has no name of its own";
  if (canonicalIp(authority) !== undefined) return `is verified by an IP address, ${authority}`;
  return authority.includes(".") ? undefined : `is verified by a name of one label, ${quoted(authority)}`;
}
