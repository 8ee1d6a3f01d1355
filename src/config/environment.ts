import { lazily } from "../common/lazily.ts";
import { escaped, quoted } from "../common/quoted.ts";
import { quotedUnlessSecret } from "../common/secret.ts";
import type { Environment } from "../runtime.ts";
import { nearest } from "./did-you-mean.ts";
import { variableHint } from "./hints.ts";
import { readWritten, type Source } from "./layers.ts";
import type { OptionRow } from "./option-definition.ts";
import { optionGroups, optionsByName, variableOf } from "./option-table.ts";
import { EXAMPLE_TARGET } from "./value-types.ts";

/** What the environment says of one transport. */
export interface EnvironmentOptions {
  /** Undefined if none is set; that is among the problems. */
  readonly target: string | undefined;
  /** The weaker source first: what the unnamed transport says, then what this one says. */
  readonly sources: readonly Source[];
  /** One sentence each. */
  readonly problems: readonly string[];
}

const PREFIX = "CONNECT_LB_";

/** Kubernetes sets these in every pod beside a Service that is called connect-lb, or connect-lb-anything. */
const KUBERNETES = /^(.+_)?(SERVICE_HOST|SERVICE_PORT(_.+)?|PORT(_\d+_(TCP|UDP)(_.+)?)?)$/;

const rowsByVariable = lazily(
  () =>
    new Map<string, OptionRow>([...optionsByName()].map(([name, row]) => [variableOf(name).slice(PREFIX.length), row])),
);
const tails = lazily(() => ["TARGET", ...rowsByVariable().keys()]);
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
  if (problems.length > 0) return { target: undefined, sources: [], problems };
  if (hasTarget && name !== undefined) namedInCode.add(ownPrefix.slice(0, -1));
  const shared = new Map<string, unknown>();
  const own = new Map<string, unknown>();
  let target: string | undefined;
  for (const [variable, text] of Object.entries(env).sort()) {
    if (!variable.startsWith(PREFIX) || text === undefined) continue;
    const rest = variable.slice(PREFIX.length);
    const mine = name !== undefined && rest.startsWith(ownPrefix);
    const tail = mine ? rest.slice(ownPrefix.length) : rest;
    const row = rowsByVariable().get(tail);
    if (tail === "TARGET") {
      if ((mine || name === undefined) && text !== "") target = text;
    } else if (row !== undefined) {
      if (text === "" || (!mine && name !== undefined && row.neverFallsBack)) continue;
      const reading = readWritten(row, text, variable);
      if ("problem" in reading) problems.push(reading.problem);
      else (mine ? own : shared).set(row.path, reading.value);
    } else if (!KUBERNETES.test(rest) && !isOfAnother(rest, env)) {
      problems.push(`unknown variable ${escaped(variable)}${variableHint(rest, PREFIX, ownPrefix, tails())}`);
    }
  }
  if (target === undefined && !hasTarget) problems.push(missingTarget(`${PREFIX}${ownPrefix}TARGET`, env));
  checkConflicts(shared, PREFIX, problems);
  checkConflicts(own, PREFIX + ownPrefix, problems);
  return { target, sources: [shared, own], problems };
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
function checkConflicts(source: Source, prefix: string, problems: string[]): void {
  for (const [group, value] of source) {
    const members = value === false ? [...(optionGroups().get(group)?.values() ?? [])] : [];
    const set = members.find(({ path }) => source.has(path));
    if (set?.name === undefined) continue;
    const [off, useless] = [group, set.name].map((name) => prefix + variableOf(name).slice(PREFIX.length));
    problems.push(`${off} is false, so ${useless} has no effect: leave one of them out`);
  }
}
