import { type EnvironmentTransportOptions, readOptions } from "./config/from-environment.ts";
import type { BalancedTransportOptions } from "./config/options.ts";
import type { Resolver } from "./discovery/resolver.ts";
import { nodePlatform } from "./node/node-platform.ts";
import type { BalancedTransport } from "./transport/balanced-transport.ts";
import { balancedTransport } from "./transport/create.ts";
import { type ResolverOptions, resolverFor } from "./transport/create-resolver.ts";

export * from "./public.ts";

/**
 * A Connect transport that finds its own servers: it looks the target up when a call needs it, chooses an endpoint for
 * each call, and repeats what may be repeated. Creating it does no I/O.
 *
 * @throws ConfigurationError with everything that is wrong with the options.
 */
export function createBalancedTransport(options: BalancedTransportOptions): BalancedTransport {
  return balancedTransport(options, nodePlatform, { layers: [], env: globalThis.process?.env ?? {} });
}

/**
 * A balanced transport that is configured by variables: `CONNECT_LB_TARGET` and `CONNECT_LB_<OPTION>`, or for a named
 * one `CONNECT_LB_<NAME>_TARGET` and `CONNECT_LB_<NAME>_<OPTION>` (docs/configuration.md). What a named transport is
 * not told is taken from the unnamed one's options, its targets and client certificate aside.
 *
 * ```ts
 * const orders = balancedTransportFromEnv("orders", { interceptors: [authorize] });
 * ```
 *
 * @param name for instance "orders"; without it, the unnamed transport.
 * @param options what code says besides, for instance interceptors. It beats the target's query, which beats the
 * variables. `env`: the variables. Default `process.env`, read when this is called.
 * @throws ConfigurationError with everything that is wrong with them.
 */
export function balancedTransportFromEnv(name?: string, options?: EnvironmentTransportOptions): BalancedTransport;
export function balancedTransportFromEnv(options: EnvironmentTransportOptions): BalancedTransport;
export function balancedTransportFromEnv(
  nameOrOptions?: string | EnvironmentTransportOptions,
  optionsOfNamed?: EnvironmentTransportOptions,
): BalancedTransport {
  const { options, ...surroundings } = readOptions(nameOrOptions, optionsOfNamed);
  return balancedTransport(options, nodePlatform, surroundings);
}

/**
 * The resolver of a target, as a transport would make it: to look at what a name has, or to build a target of your own
 * on it (docs/extending.md). It keeps nothing between two look-ups. Nothing is looked up yet.
 *
 * ```ts
 * const resolver = createResolver("srv:///_grpc._tcp.users.example.com");
 * ```
 *
 * @throws ConfigurationError with everything that is wrong with the target or the options.
 */
export function createResolver(target: string, options: ResolverOptions = {}): Resolver {
  return resolverFor(target, { env: globalThis.process?.env ?? {}, ...options }, nodePlatform);
}
