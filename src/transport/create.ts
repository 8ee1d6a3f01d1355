import { type Layer, mergeLayers } from "../config/layers.ts";
import type { BalancedTransportOptions } from "../config/options.ts";
import { type ResolvedOptions, resolveOptions } from "../config/resolved-options.ts";
import { checkTogether, validateOptions } from "../config/validate.ts";
import { target as targetType } from "../config/value-types.ts";
import { checkedResolver } from "../discovery/check-resolution.ts";
import type { Resolver } from "../discovery/resolver.ts";
import { withCheckedNames } from "../discovery/verified-names.ts";
import { ConfigurationError } from "../errors.ts";
import type { Platform } from "../platform.ts";
import type { Environment } from "../runtime.ts";
import { parseTarget, resolverOf } from "../schemes/parse-target.ts";
import type { Registries, Target, TargetOption } from "../schemes/scheme.ts";
import { Emitter } from "../telemetry/emitter.ts";
import { logListener } from "../telemetry/log.ts";
import { Balanced, type BalancedTransport } from "./balanced-transport.ts";
import { checkPeers } from "./check-peers.ts";
import { tlsEvents } from "./tls-events.ts";

/** What surrounds the options that are given in code. */
export interface Surroundings {
  /** The name of a transport that variables configure. */
  readonly name?: string | undefined;
  /** What variables say of the options; the weaker source first. */
  readonly layers: readonly Layer[];
  /** The variables, for those that are not ours: Consul's. */
  readonly env: Environment;
}

/**
 * A transport from the options in code, in the target's query, and in an environment, of which the former win.
 *
 * @throws ConfigurationError with everything that is wrong with them.
 */
export function balancedTransport(
  options: BalancedTransportOptions,
  platform: Platform,
  { name, layers: environment, env }: Surroundings = { layers: [], env: {} },
): BalancedTransport {
  checkPeers(platform);
  const problems = validateOptions(options);
  const target = collecting(problems, () => targetOf(options));
  if (target === undefined || problems.length > 0) throw new ConfigurationError(problems);
  const hasQuery = !isResolver(target);
  const all = mergeLayers(options, hasQuery ? [...environment, target.options] : environment);
  problems.push(...checkTogether(all));
  const fallbackTarget = collecting(problems, () => fallbackOf(all));
  const source = { target: hasQuery ? target.text : target.target, ...(name !== undefined && { name }) };
  const settings = resolveOptions(all, new Emitter(source, all.onEvent, logOf(all, platform)));
  const made = (from: Target | Resolver, option: TargetOption): Resolver => {
    if (isResolver(from)) return checkedResolver(from, option, settings.tls);
    return withCheckedNames(resolverOf(from, all.dns ?? {}, asking(settings, platform), env), option, settings.tls);
  };
  const resolver = collecting(problems, () => made(target, "target"));
  const fallback =
    fallbackTarget === undefined ? undefined : collecting(problems, () => made(fallbackTarget, "fallbackTarget"));
  if (resolver === undefined || problems.length > 0) throw new ConfigurationError(problems);
  return new Balanced(settings, { resolver, fallback }, platform);
}

/** What is wrong with one part is told together with the rest. */
function collecting<T>(problems: string[], part: () => T): T | undefined {
  try {
    return part();
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    problems.push(...error.problems);
    return undefined;
  }
}

/** By what makes a resolver: one of a user may have an `options` or a `scheme` of its own. */
function isResolver(target: Target | Resolver): target is Resolver {
  return "resolve" in target;
}

function targetOf({ target }: BalancedTransportOptions): Target | Resolver {
  if (targetType.accepts(target)) return typeof target === "string" ? parseTarget(target) : target;
  const listed = Array.isArray(target) ? '; a list is written "static:///10.0.0.1:8080,10.0.0.2:8080"' : "";
  const got = target === undefined || target === "" ? "is missing" : `is not text and has no resolve()${listed}`;
  throw new ConfigurationError([`target must be ${targetType.description}; it ${got}`]);
}

function fallbackOf({ fallbackTarget }: BalancedTransportOptions): Target | Resolver | undefined {
  return typeof fallbackTarget === "string" ? parseTarget(fallbackTarget, "fallbackTarget") : fallbackTarget;
}

/** What resolvers ask with: a registry's certificates may be files, too. */
function asking({ emit }: ResolvedOptions, platform: Platform): Registries {
  const onTlsFiles = tlsEvents(emit);
  return { ...platform, httpGet: (request) => platform.httpGet({ ...request, onTlsFiles }) };
}

function logOf({ log }: BalancedTransportOptions, { runtime, writeLog }: Platform) {
  return log === undefined ? undefined : logListener(log, writeLog, runtime.clock.now);
}
