import { checkOptions } from "../config/check-options.ts";
import type { BalancedTransportOptions } from "../config/options.ts";
import { settingsOf } from "../config/settings.ts";
import type { Resolver } from "../discovery/resolver.ts";
import { ConfigurationError } from "../errors.ts";
import type { Platform } from "../platform.ts";
import { resolverOf } from "../target.ts";
import { Balanced, type BalancedTransport } from "./balanced-transport.ts";

/** @throws ConfigurationError with everything that is wrong with the options. */
export function balancedTransport(options: BalancedTransportOptions, platform: Platform): BalancedTransport {
  const problems = checkOptions(options);
  let resolver: Resolver | undefined;
  try {
    resolver = resolverIn(options, platform, problems);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    problems.push(...error.problems);
  }
  if (resolver === undefined || problems.length > 0) throw new ConfigurationError(problems);
  return new Balanced(settingsOf(options), resolver, platform);
}

/** Looks at the target even if other options are wrong, so that all problems show at once. */
function resolverIn(
  options: BalancedTransportOptions,
  platform: Platform,
  problems: readonly string[],
): Resolver | undefined {
  if (typeof options !== "object" || options === null || Array.isArray(options)) return undefined;
  const { target, dns } = options as Partial<BalancedTransportOptions>;
  if (typeof target === "string" && target !== "") {
    return resolverOf(target, problems.length === 0 ? (dns ?? {}) : {}, platform.createDnsClient);
  }
  if (typeof target === "object" && target !== null && typeof target.resolve === "function") return target;
  const got = target === undefined || target === "" ? "is missing" : `has no resolve() and is no text`;
  throw new ConfigurationError([
    `target must be a URI such as "srv:///_grpc._tcp.users.example.com", or a resolver; it ${got}`,
  ]);
}
