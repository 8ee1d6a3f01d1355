import type { EnvironmentTransportOptions } from "./config/from-environment.ts";
import type { BalancedTransportOptions } from "./config/options.ts";
import type { Resolver } from "./discovery/resolver.ts";
import { ConfigurationError } from "./errors.ts";
import type { BalancedTransport } from "./transport/balanced-transport.ts";
import type { ResolverOptions } from "./transport/create-resolver.ts";

export * from "./public.ts";

const UNSUPPORTED =
  "connect-lb runs on Node.js so far, and this is its build for other runtimes; if this is Node.js, let the bundler " +
  'use the "node" export condition (esbuild: --platform=node)';

/**
 * This build is what runtimes other than Node get.
 *
 * @throws ConfigurationError always: these runtimes are not supported yet.
 */
export function createBalancedTransport(_options: BalancedTransportOptions): BalancedTransport {
  throw new ConfigurationError([UNSUPPORTED]);
}

/** @throws ConfigurationError always: these runtimes are not supported yet. */
export function balancedTransportFromEnv(name?: string, options?: EnvironmentTransportOptions): BalancedTransport;
export function balancedTransportFromEnv(options: EnvironmentTransportOptions): BalancedTransport;
export function balancedTransportFromEnv(): BalancedTransport {
  throw new ConfigurationError([UNSUPPORTED]);
}

/** @throws ConfigurationError always: these runtimes are not supported yet. */
export function createResolver(_target: string, _options?: ResolverOptions): Resolver {
  throw new ConfigurationError([UNSUPPORTED]);
}
