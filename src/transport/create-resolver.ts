import type { DnsOptions } from "../config/options.ts";
import { validateOptions } from "../config/validate.ts";
import { EXAMPLE_TARGET } from "../config/value-types.ts";
import type { Resolver } from "../discovery/resolver.ts";
import { ConfigurationError } from "../errors.ts";
import type { Platform } from "../platform.ts";
import type { Environment } from "../runtime.ts";
import { parseTarget, resolverOf } from "../schemes/parse-target.ts";

/** How a resolver asks. */
export interface ResolverOptions {
  /** Which DNS servers are asked, and how. Default: as for a transport. */
  readonly dns?: Pick<DnsOptions, "servers" | "transport" | "family">;
  /** Variables of registries, such as CONSUL_HTTP_TOKEN. Default `process.env`, read when the resolver is made. */
  readonly env?: Environment;
}

const OF_A_RESOLVER = ["dns.servers", "dns.transport", "dns.family"];

/** The resolver of a target, on a platform. */
export function resolverFor(text: unknown, { dns, env = {} }: ResolverOptions, platform: Platform): Resolver {
  if (typeof text !== "string") throw new ConfigurationError([`target must be text, such as "${EXAMPLE_TARGET}"`]);
  const problems = validateOptions({ dns });
  if (problems.length > 0) throw new ConfigurationError(problems);
  const target = parseTarget(text);
  const given = [...target.options.keys(), ...Object.keys(dns ?? {}).map((name) => `dns.${name}`)];
  const others = given.filter((path) => !OF_A_RESOLVER.includes(path));
  if (others.length > 0) {
    throw new ConfigurationError(
      others.map(
        (path) => `${path} is an option of a transport, not of a resolver: give it to createBalancedTransport()`,
      ),
    );
  }
  const ofQuery = Object.fromEntries([...target.options].map(([path, value]) => [path.slice("dns.".length), value]));
  return resolverOf(target, { ...ofQuery, ...dns }, platform, env);
}
