import type { BalancedTransport } from "./call/balanced-transport.ts";
import { balancedTransport } from "./call/create.ts";
import { type Environment, readEnvironment } from "./config/environment.ts";
import type { BalancedTransportOptions } from "./config/options.ts";
import { ConfigurationError } from "./errors.ts";
import { nodePlatform } from "./node/platform.ts";

export * from "./public.ts";

/**
 * A Connect transport that finds its own servers: it looks the target up when a call needs it, chooses an endpoint for
 * each call, and repeats what may be repeated. Creating it does no I/O.
 *
 * @throws ConfigurationError with everything that is wrong with the options.
 */
export function createBalancedTransport(options: BalancedTransportOptions): BalancedTransport {
  return balancedTransport(options, nodePlatform, [], globalThis.process?.env);
}

/**
 * A balanced transport that is configured by variables: `CONNECT_LB_TARGET` and `CONNECT_LB_<OPTION>`, or for a named
 * one `CONNECT_LB_<NAME>_TARGET` and `CONNECT_LB_<NAME>_<OPTION>` (docs/configuration.md). What a named transport is
 * not told is taken from the unnamed one's options, its targets and client certificate aside.
 *
 * @param name for instance "orders"; without it, the unnamed transport.
 * @param env the variables. Default `process.env`, read when this is called.
 * @throws ConfigurationError with everything that is wrong with them.
 */
export function balancedTransportFromEnv(
  name?: string,
  env: Environment = globalThis.process?.env ?? {},
): BalancedTransport {
  const { target, sources, problems } = readEnvironment(name, env);
  if (target === undefined || problems.length > 0) throw new ConfigurationError(problems);
  return balancedTransport({ target }, nodePlatform, sources, env);
}
