import { escaped } from "../common/quoted.ts";
import { ConfigurationError } from "../errors.ts";
import type { Environment } from "../runtime.ts";
import { readEnvironment } from "./environment.ts";
import type { Layer } from "./layers.ts";
import type { BalancedTransportOptions } from "./options.ts";
import { validateOptions } from "./validate.ts";

/** What code says of a transport that is configured by variables. */
export interface EnvironmentTransportOptions extends Partial<BalancedTransportOptions> {
  /** The variables by name. Default `process.env`, read when the transport is made. */
  readonly env?: Environment | undefined;
}

export interface ReadOptions {
  readonly name: string | undefined;
  readonly options: BalancedTransportOptions;
  /** What variables say, the weaker source first. */
  readonly layers: readonly Layer[];
  readonly env: Environment;
}

/**
 * What code and variables say of a transport. Code's options are checked when it is made; here only if variables are
 * wrong, so that all problems are in one error.
 *
 * @param first a name, or the options of the unnamed transport.
 * @param second the options of a named one.
 * @throws ConfigurationError if variables are wrong.
 */
export function readOptions(first: unknown, second: unknown): ReadOptions {
  const problems: string[] = [];
  const isUnnamed = typeof first === "object" && first !== null;
  const name = isUnnamed ? undefined : first;
  if (name !== undefined && typeof name !== "string") problems.push("the transport's name must be text, or left out");
  if (isUnnamed && second !== undefined) problems.push("pass the name before the options, or leave it out");
  const { env = globalThis.process?.env ?? {}, ...code } = checked(isUnnamed ? first : second, problems);
  if (problems.length > 0) throw new ConfigurationError(problems);
  const read = readEnvironment(name as string | undefined, env, code.target !== undefined);
  const target = code.target ?? read.target;
  if (target === undefined || read.problems.length > 0) {
    throw new ConfigurationError([...read.problems, ...validateOptions(code)]);
  }
  return { name: name as string | undefined, options: { ...code, target }, layers: read.layers, env };
}

function checked(options: unknown, problems: string[]): EnvironmentTransportOptions {
  if (options === undefined) return {};
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    problems.push("the options must be an object");
    return {};
  }
  const variables = Object.keys(options).filter((name) => name.startsWith("CONNECT_LB_"));
  if (variables.length > 0)
    problems.push(`${escaped(variables[0] as string)} is a variable: pass variables as { env }`);
  const { env } = options as { readonly env?: unknown };
  if (env !== undefined && (typeof env !== "object" || env === null))
    problems.push("env must be an object of variables");
  return options;
}
