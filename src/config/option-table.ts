import { lazily } from "../common/lazily.ts";
import { callRows } from "./call-options.ts";
import { networkRows } from "./network-options.ts";
import type { OptionRow } from "./option-definition.ts";
import { wireRows } from "./protocol-options.ts";
import * as kinds from "./value-types.ts";

/** Every option, `target` aside. */
export const optionTable = lazily((): readonly OptionRow[] => [
  {
    path: "fallbackTarget",
    name: "fallback-target",
    kind: kinds.target,
    notInTarget: true,
    neverFallsBack: true,
    default: undefined,
    doc: "Another target, of any kind, whose servers are used while none of the target's own can be.",
  },
  ...wireRows(),
  ...callRows(),
  ...networkRows(),
  {
    path: "createEndpointTransport",
    kind: kinds.callback,
    default: undefined,
    doc: "Makes the transport of each endpoint, in place of the built-in ones; `protocol` and `httpVersion` then have no effect. `attemptInterceptors` and `connection` beside it are an error: give them to the transport that it makes.",
  },
  {
    path: "onEvent",
    kind: kinds.callback,
    default: undefined,
    doc: "Called with each event: what the transport finds out and decides. What it throws changes nothing; `log` shows it once.",
  },
  {
    path: "log",
    name: "log",
    kind: kinds.choice("info", "debug"),
    default: undefined,
    doc: 'One line on stderr (logfmt) for each event: "info" shows changed answers, failed look-ups, ejected and returned endpoints; "debug" also each look-up, connection and retry.',
  },
]);

/** Those that can be written down, by their names in a target's query. */
export const optionsByName = lazily(
  (): ReadonlyMap<string, OptionRow> =>
    new Map(optionTable().flatMap((row) => (row.name === undefined ? [] : [[row.name, row]]))),
);

/** The options by their group and their name in it; those of no group are in "". */
export type OptionGroups = ReadonlyMap<string, ReadonlyMap<string, OptionRow>>;

export const optionGroups = lazily((): OptionGroups => groupsOf(optionTable()));

function groupsOf(rows: readonly OptionRow[]): Map<string, Map<string, OptionRow>> {
  const groups = new Map<string, Map<string, OptionRow>>();
  for (const row of rows) {
    const dot = row.path.indexOf(".");
    const group = row.path.slice(0, Math.max(0, dot));
    if (!groups.has(group)) groups.set(group, new Map());
    groups.get(group)?.set(row.path.slice(dot + 1), row);
  }
  return groups;
}

/** The variable of an option of the unnamed transport. */
export function variableOf(name: string): string {
  return `CONNECT_LB_${name.toUpperCase().replaceAll("-", "_")}`;
}
