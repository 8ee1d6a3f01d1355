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
  ...protocolOptions(),
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

/** The options by their group and their name in it; those of no group are in "". */
export type OptionGroups = ReadonlyMap<string, ReadonlyMap<string, OptionDefinition>>;

export const optionGroups = lazily((): OptionGroups => groupsOf(optionTable()));

function groupsOf(definitions: readonly OptionDefinition[]): Map<string, Map<string, OptionDefinition>> {
  const groups = new Map<string, Map<string, OptionDefinition>>();
  for (const definition of definitions) {
    const dot = definition.path.indexOf(".");
    const group = definition.path.slice(0, Math.max(0, dot));
    if (!groups.has(group)) groups.set(group, new Map());
    groups.get(group)?.set(definition.path.slice(dot + 1), definition);
  }
  return groups;
}

/** The variable of an option of the unnamed transport. */
export function variableOf(name: string): string {
  return `CONNECT_LB_${name.toUpperCase().replaceAll("-", "_")}`;
}
