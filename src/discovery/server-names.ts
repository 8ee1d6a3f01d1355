import type { TlsOptions } from "../config/wire-options.ts";
import type { EndpointSpec, ListedEndpoint } from "../endpoint.ts";
import type { Resolution, Resolver } from "./resolver.ts";

/**
 * The name that TLS verifies for an endpoint: the user's `tls.serverName`, else the name in the target, else (a static
 * list, a resolver without `authority`) the server's own. Never a name that only DNS gave, unless "target" asks for it.
 */
function verifiedNameOf(resolver: Resolver, tls: TlsOptions | false): (spec: EndpointSpec) => string {
  const serverName = tls === false ? undefined : tls.serverName;
  if (serverName === "target") return (spec) => spec.name ?? spec.address;
  const name = serverName ?? resolver.authority;
  return name === undefined ? (spec) => spec.name ?? spec.address : () => name;
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
 * With `tls.serverName: "target"`, whoever can forge an answer chooses the name that is verified. So a look-up counts
 * only if every name in it is inside the domains that the user trusts.
 */
export function withTrustedNames(resolver: Resolver, tls: TlsOptions | false): Resolver {
  if (tls === false || tls.serverName !== "target") return resolver;
  const suffixes = tls.targetSuffixes ?? (resolver.authority === undefined ? [] : [resolver.authority]);
  const trusted = suffixes.map((suffix) => suffix.toLowerCase().replace(/^\.|\.$/g, ""));
  return {
    target: resolver.target,
    ...(resolver.authority === undefined ? {} : { authority: resolver.authority }),
    async resolve(context) {
      const resolution = await resolver.resolve(context);
      if (resolution.kind === "endpoints") checkNames(resolution, trusted);
      return resolution;
    },
  };
}

function checkNames({ endpoints }: Resolution & { kind: "endpoints" }, trusted: readonly string[]): void {
  for (const { name, address } of endpoints) {
    const lower = name?.toLowerCase();
    if (lower === undefined) throw new Error(`the server ${address} came without a name to verify`);
    if (!trusted.some((suffix) => lower === suffix || lower.endsWith(`.${suffix}`))) {
      throw new Error(
        `the server name ${lower} is in none of the trusted domains (${trusted.join(", ") || "none given"})`,
      );
    }
  }
}
