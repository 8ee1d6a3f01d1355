import { handled } from "../common/handled.ts";
import type { EndpointSpec } from "../endpoint.ts";
import type { Resolution, Resolver } from "./resolver.ts";

/**
 * A resolver with the endpoints of another one, each as a function changes it: for metadata of your own, for tiers by
 * zone, to leave some out. What else an answer says (its TTL, that it is partial) stays as it is.
 *
 * ```ts
 * const srv = createResolver("srv:///_grpc._tcp.users.example.com");
 * const target = mapEndpoints(srv, (endpoint) => ({ ...endpoint, tier: endpoint.address.startsWith("10.1.") ? 0 : 1 }));
 * const transport = createBalancedTransport({ target });
 * ```
 *
 * @param change called for each endpoint of each answer; undefined leaves the endpoint out. What it throws is a failed
 * look-up: the last answer goes on serving. An answer of which nothing is left has no endpoints: calls fail once that
 * has been confirmed.
 */
export function mapEndpoints(
  resolver: Resolver,
  change: (endpoint: EndpointSpec) => EndpointSpec | undefined,
): Resolver {
  const changed = async (resolution: Resolution): Promise<Resolution> => {
    if (resolution.kind !== "endpoints") return resolution;
    const { rest, ...listing } = resolution;
    const endpoints = listing.endpoints.flatMap((endpoint) => change(endpoint) ?? []);
    if (endpoints.length > 0) {
      return { ...listing, endpoints, ...(rest !== undefined && { rest: handled(rest.then(changed)) }) };
    }
    if (rest !== undefined) return changed(await rest);
    const reason = `each of the ${listing.endpoints.length} endpoints was left out`;
    return { kind: "empty", reason, ...(listing.ttlMs !== undefined && { ttlMs: listing.ttlMs }) };
  };
  const { target, authority } = resolver;
  return {
    target,
    ...(authority !== undefined && { authority }),
    resolve: async (context) => changed(await resolver.resolve(context)),
  };
}
