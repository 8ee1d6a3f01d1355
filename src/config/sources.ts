import { mayBeSecret, quotedUnlessSecret } from "../secret.ts";
import { valueHint } from "./hints.ts";
import type { OptionRow } from "./option-row.ts";
import { optionTable } from "./option-table.ts";
import type { BalancedTransportOptions } from "./options.ts";

/** Options that an environment or a target says, by path. */
export type Source = ReadonlyMap<string, unknown>;

/**
 * Reads the written value of an option.
 *
 * @param by who says it, for the message: a variable's name, or the target's key.
 * @returns the value, or a sentence that says what is wrong with it.
 */
export function readWritten(row: OptionRow, text: string, by: string): { value: unknown } | { problem: string } {
  const { kind, secret } = row;
  const reading = kind.written?.read(text);
  if (reading === undefined) return { problem: `${by} can be given in code only` };
  if (reading.value !== undefined && kind.accepts(reading.value)) return { value: reading.value };
  if (reading.problem !== undefined && !mayBeSecret(text)) return { problem: `${by} ${reading.problem}` };
  const hint = kind.hint?.(reading.value ?? text) || valueHint(row.path, reading.value ?? text);
  const value = `${quotedUnlessSecret(text)}${mayBeSecret(text) ? "" : hint}`;
  const shown = secret ? "" : `, not ${value}`;
  return { problem: `${by} must be ${kind.written?.description ?? kind.description}${shown}` };
}

/**
 * One set of options from several sources, of which the later ones win: environment, then target, then code. A group
 * that is switched off in one source is on again where a later one sets one of its members.
 */
export function merged(code: BalancedTransportOptions, sources: readonly Source[]): BalancedTransportOptions {
  const all = [...sources, fromCode(code)];
  const options: Record<string, unknown> = { target: code.target };
  for (const row of optionTable) {
    const level = all.findLastIndex((source) => source.has(row.path));
    if (level < 0) continue;
    const value = all[level]?.get(row.path);
    const [group, member] = row.path.split(".") as [string, string | undefined];
    if (member === undefined) {
      const later = all
        .slice(level + 1)
        .some((source) => [...source.keys()].some((path) => path.startsWith(`${group}.`)));
      if (!(value === false && later)) options[group] = isGroup(row.path) && value !== false ? {} : value;
    } else if (options[group] !== false) {
      options[group] = { ...(options[group] as object | undefined), [member]: value };
    }
  }
  return options as unknown as BalancedTransportOptions;
}

/** Code's options by path. They have been checked. */
function fromCode(options: BalancedTransportOptions): Source {
  const values = new Map<string, unknown>();
  for (const { path } of optionTable) {
    const [group, member] = path.split(".") as [keyof BalancedTransportOptions, string | undefined];
    const value = options[group];
    const found = member === undefined ? value : (Object(value) as Record<string, unknown>)[member];
    if (found !== undefined) values.set(path, found);
  }
  return values;
}

function isGroup(path: string): boolean {
  return optionTable.some((row) => row.path.startsWith(`${path}.`));
}
