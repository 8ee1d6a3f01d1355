import { callRows } from "./call-rows.ts";
import * as kinds from "./kinds.ts";
import { networkRows } from "./network-rows.ts";
import type { OptionRow } from "./option-row.ts";
import { wireRows } from "./wire-rows.ts";

/** Every option, `target` aside. */
export const optionTable: readonly OptionRow[] = [
  {
    path: "fallbackTarget",
    name: "fallback-target",
    kind: kinds.target,
    notInTarget: true,
    neverFallsBack: true,
    doc: "Another target, of any kind, whose servers are used while none of the target's own can be. Default none.",
  },
  ...wireRows,
  ...callRows,
  ...networkRows,
  {
    path: "createEndpointTransport",
    kind: kinds.callback,
    doc: "Builds the transport of each endpoint, in place of the presets; `protocol` and `httpVersion` then have no effect.",
  },
  { path: "onEvent", kind: kinds.callback, doc: "Told what the transport decides. What it throws is ignored." },
  {
    path: "log",
    name: "log",
    kind: kinds.choice("info", "debug"),
    doc: 'One line on stderr (logfmt) for each decision: "info" tells of changed answers, failed look-ups, ejected and returned endpoints, "debug" of each retry too. Default none.',
  },
];

/** The variable of an option of the unnamed transport. */
export function variableOf(name: string): string {
  return `CONNECT_LB_${name.toUpperCase().replaceAll("-", "_")}`;
}
