import type { BalancedTransport } from "./call/balanced-transport.ts";
import { balancedTransport } from "./call/create.ts";
import type { BalancedTransportOptions } from "./config/options.ts";
import { nodePlatform } from "./node/platform.ts";

export * from "./public.ts";

/**
 * A Connect transport that finds its own servers: it looks the target up when a call needs it, chooses an endpoint for
 * each call, and repeats what may be repeated. Creating it does no I/O.
 *
 * @throws ConfigurationError with everything that is wrong with the options.
 */
export function createBalancedTransport(options: BalancedTransportOptions): BalancedTransport {
  return balancedTransport(options, nodePlatform);
}
