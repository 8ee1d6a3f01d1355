import { lazily } from "../common/lazily.ts";
import { callOptions } from "./call-options.ts";
import { networkOptions } from "./network-options.ts";
import type { OptionDefinition } from "./option-definition.ts";
import { protocolOptions } from "./protocol-options.ts";
import * as types from "./value-types.ts";

/** Every option, `target` aside. */
export const optionTable = lazily((): readonly OptionDefinition[] => [
  {
    path: "fallbackTarget",
    name: "fallback-target",
    type: types.target,
    notInTarget: true,
    neverFallsBack: true,
    default: undefined,
    doc: "Another target, of any kind, whose servers are used while none of the target's own can be.",
  },
  ...protocolOptionsOnce(),
  ...callOptions(),
  ...networkOptions(),
  {
    path: "createEndpointTransport",
    type: types.callback,
    default: undefined,
    doc: "Makes the transport of each endpoint, in place of the built-in ones; `protocol` and `httpVersion` then have no effect. `attemptInterceptors` and `connection` beside it are an error: give them to the transport that it makes.",
  },
  {
    path: "onEvent",
    type: types.callback,
    default: undefined,
    doc: "Called with each event: what the transport finds out and decides. What it throws changes nothing; `log` shows it once.",
  },
  {
    path: "log",
    name: "log",
    type: types.choice("info", "debug"),
    default: undefined,
    doc: 'One line on stderr (logfmt) for each event: "info" shows changed answers, failed look-ups, ejected and returned endpoints; "debug" also each look-up, connection and retry.',
  },
]);

/** Those that can be written down, by their names in a target's query. */
export const optionsByName = lazily(
  (): ReadonlyMap<string, OptionDefinition> =>
    new Map(
      optionTable().flatMap((definition) => (definition.name === undefined ? [] : [[definition.name, definition]])),
    ),
);

/**
 * The option of this path. A program sets few options in code, and mostly of the protocol: with no other, the rest of the
 * table is not made.
 */
export function definitionOf(path: string): OptionDefinition | undefined {
  return protocolByPath().get(path) ?? allByPath().get(path);
}

const protocolOptionsOnce = lazily(protocolOptions);
const protocolByPath = lazily(() => byPath(protocolOptionsOnce()));
const allByPath = lazily(() => byPath(optionTable()));

function byPath(definitions: readonly OptionDefinition[]): ReadonlyMap<string, OptionDefinition> {
  const map = new Map<string, OptionDefinition>();
  for (const definition of definitions) map.set(definition.path, definition);
  return map;
}

/** The options that are groups of options. */
export const groups: ReadonlySet<string> = new Set(["tls", "connect", "retry", "breaker", "dns", "connection"]);

/** The members of a group; of "", the options in no group, and the groups. */
export function membersOf(group: string): OptionDefinition[] {
  return optionTable().filter(({ path }) => path.slice(0, Math.max(0, path.indexOf("."))) === group);
}

/** The variable of an option of the unnamed transport. */
export function variableOf(name: string): string {
  return `CONNECT_LB_${name.toUpperCase().replaceAll("-", "_")}`;
}
