import type { BalancedTransport } from "./call/balanced-transport.ts";
import type { BalancedTransportOptions } from "./config/options.ts";
import { ConfigurationError } from "./errors.ts";

export * from "./public.ts";

/**
 * This build is what runtimes other than Node get.
 *
 * @throws ConfigurationError always: these runtimes are not supported yet.
 */
export function createBalancedTransport(_options: BalancedTransportOptions): BalancedTransport {
  throw new ConfigurationError([
    'connect-lb runs on Node.js so far, and this is its build for other runtimes; if this is Node.js, let the bundler use the "node" export condition (esbuild: --platform=node)',
  ]);
}
