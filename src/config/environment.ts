import { lazily } from "../common/lazily.ts";
import { escaped, quoted } from "../common/quoted.ts";
import { quotedUnlessSecret } from "../common/secret.ts";
import type { Environment } from "../runtime.ts";
import { nearest } from "./did-you-mean.ts";
import { variableHint } from "./hints.ts";
import { type Layer, parseOption } from "./layers.ts";
import type { OptionDefinition } from "./option-definition.ts";
import { membersOf, optionsByName, variableOf } from "./option-table.ts";
import { EXAMPLE_TARGET } from "./value-types.ts";

/** What the environment says of one transport. */
export interface EnvironmentOptions {
  /** Undefined if none is set; that is among the problems. */
  readonly target: string | undefined;
  /** The weaker source first: what the unnamed transport says, then what this one says. */
  readonly layers: readonly Layer[];
  /** One sentence each. */
  readonly problems: readonly string[];
}

const PREFIX = "CONNECT_LB_";

/** Kubernetes sets these in every pod beside a Service that is called connect-lb, or connect-lb-anything. */
const KUBERNETES = /^(.+_)?(SERVICE_HOST|SERVICE_PORT(_.+)?|PORT(_\d+_(TCP|UDP)(_.+)?)?)$/;

const definitionsByVariable = lazily(
  () =>
    new Map<string, OptionDefinition>(
      [...optionsByName()].map(([name, definition]) => [variableOf(name).slice(PREFIX.length), definition]),
    ),
);
const tails = lazily(() => ["TARGET", ...definitionsByVariable().keys()]);
const firstWords = lazily(() => new Set(tails().map((tail) => tail.split("_")[0] as string)));

/** Names of transports whose target was given in code: their other variables belong to somebody. */
const namedInCode = new Set<string>();

/**
 * Reads the options of a transport from variables. An empty one is an unset one. A named transport falls back to what
 * the unnamed one says, its targets and client certificate aside: a forgotten target must not call another service.
 *
 * @param name of the transport, as in `balancedTransportFromEnv(name)`; undefined for the unnamed one.
 * @param hasTarget code gives the target.
 */
export function readEnvironment(name: string | undefined, env: Environment, hasTarget = false): EnvironmentOptions {
  const problems: string[] = [];
  const ownPrefix = name === undefined ? "" : `${prefixOf(name, problems)}_`;
  if (problems.length > 0) return { target: undefined, layers: [], problems };
  if (hasTarget && name !== undefined) namedInCode.add(ownPrefix.slice(0, -1));
  const shared = new Map<string, unknown>();
  const own = new Map<string, unknown>();
  let target: string | undefined;
  for (const [variable, text] of Object.entries(env).sort()) {
    if (!variable.startsWith(PREFIX) || text === undefined) continue;
    const rest = variable.slice(PREFIX.length);
    const mine = name !== undefined && rest.startsWith(ownPrefix);
    const tail = mine ? rest.slice(ownPrefix.length) : rest;
    const definition = definitionsByVariable().get(tail);
    if (tail === "TARGET") {
      if ((mine || name === undefined) && text !== "") target = text;
    } else if (definition !== undefined) {
      if (text === "" || (!mine && name !== undefined && definition.neverFallsBack)) continue;
      const parsed = parseOption(definition, text, variable);
      if ("problem" in parsed) problems.push(parsed.problem);
      else (mine ? own : shared).set(definition.path, parsed.value);
    } else if (!KUBERNETES.test(rest) && !isOfAnother(rest, env)) {
      problems.push(`unknown variable ${escaped(variable)}${variableHint(rest, PREFIX, ownPrefix, tails())}`);
    }
  }
  if (target === undefined && !hasTarget) problems.push(missingTarget(`${PREFIX}${ownPrefix}TARGET`, env));
  checkConflicts(shared, PREFIX, problems);
  checkConflicts(own, PREFIX + ownPrefix, problems);
  return { target, layers: [shared, own], problems };
}

function missingTarget(variable: string, env: Environment): string {
  const set = Object.keys(env).filter((other) => env[other] !== "" && env[other] !== undefined);
  const others = set.filter((other) => /^CONNECT_LB_.+(?<!(^|_)FALLBACK)_TARGET$/.test(other));
  // Another spelling of the prefix is no variable of ours, and would be passed over in silence.
  const isSame = (other: string) => other.replaceAll("_", "").toUpperCase() === variable.replaceAll("_", "");
  const meant = nearest(variable, others) ?? set.find(isSame);
  const hint =
    meant === undefined
      ? `set it to a target such as "${EXAMPLE_TARGET}"`
      : `but ${meant} is: is one of the names wrong?`;
  return `${variable} is not set${meant === undefined ? "; " : ", "}${hint}`;
}

/** Whether a variable is one of another transport, which has a target. */
function isOfAnother(rest: string, env: Environment): boolean {
  return tails().some((tail) => {
    const name = rest.endsWith(`_${tail}`) ? rest.slice(0, -tail.length - 1) : "";
    if (name === "" || firstWords().has(name)) return false;
    return namedInCode.has(name) || Boolean(env[`${PREFIX}${name}_TARGET`]);
  });
}

function prefixOf(name: string, problems: string[]): string {
  const upper = name.toUpperCase().replaceAll("-", "_");
  if (!/^[A-Z][A-Z0-9_]*$/.test(upper)) {
    problems.push(
      `the name ${quotedUnlessSecret(name)} must be letters, digits, hyphens or underscores, starting with a letter`,
    );
  } else if (firstWords().has(upper) || upper === "SERVICE" || upper === "PORT") {
    problems.push(`a transport cannot be named ${quoted(name)}: ${PREFIX}${upper}_… are variables of options`);
  }
  return upper;
}

/** A group that is off has no use for its members; that one source says both must be a mistake. */
function checkConflicts(layer: Layer, prefix: string, problems: string[]): void {
  for (const [group, value] of layer) {
    const members = value === false ? membersOf(group) : [];
    const set = members.find(({ path }) => layer.has(path));
    if (set?.name === undefined) continue;
    const [off, useless] = [group, set.name].map((name) => prefix + variableOf(name).slice(PREFIX.length));
    problems.push(`${off} is false, so ${useless} has no effect: leave one of them out`);
  }
}
