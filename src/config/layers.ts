import { mayBeSecret, quotedUnlessSecret } from "../common/secret.ts";
import { valueHint } from "./hints.ts";
import type { OptionDefinition } from "./option-definition.ts";
import { groups } from "./option-table.ts";
import type { BalancedTransportOptions } from "./options.ts";

/** Options that an environment or a target says, by path. */
export type Layer = ReadonlyMap<string, unknown>;

/**
 * Reads the written value of an option.
 *
 * @param by who says it, for the message: a variable's name, or the target's key.
 * @returns the value, or a sentence that says what is wrong with it.
 */
export function parseOption(
  definition: OptionDefinition,
  text: string,
  by: string,
): { value: unknown } | { problem: string } {
  const { type, secret } = definition;
  const parsed = type.parser?.parse(text);
  if (parsed === undefined) return { problem: `${by} can be set only in code` };
  if (parsed.value !== undefined && type.accepts(parsed.value)) return { value: parsed.value };
  if (parsed.problem !== undefined && !mayBeSecret(text)) return { problem: `${by} ${parsed.problem}` };
  const hint = mayBeSecret(text) ? "" : valueHint(definition, parsed.value ?? text);
  const shown = secret ? "" : `, not ${quotedUnlessSecret(text)}${hint}`;
  return { problem: `${by} must be ${type.parser?.description ?? type.description}${shown}` };
}

/**
 * One set of options from several sources, of which the later ones win: environment, then target, then code. A group
 * that is switched off in one source is on again where a later one sets one of its members.
 */
export function mergeLayers(code: BalancedTransportOptions, layers: readonly Layer[]): BalancedTransportOptions {
  const options: Record<string, unknown> = { target: code.target };
  const off = new Set<string>();
  for (const layer of [...layers, fromCode(code)]) {
    for (const [path, value] of layer) {
      const [group, member] = path.split(".") as [string, string | undefined];
      if (member !== undefined) {
        options[group] = { ...(options[group] as object | undefined), [member]: value };
        if (layer.get(group) !== false) off.delete(group);
      } else if (!groups.has(group)) options[group] = value;
      else if (value === false) off.add(group);
      else {
        options[group] ??= {};
        off.delete(group);
      }
    }
  }
  for (const group of off) options[group] = false;
  return options as unknown as BalancedTransportOptions;
}

/** Code's options by path. They have been checked. */
function fromCode(options: BalancedTransportOptions): Layer {
  const values = new Map<string, unknown>();
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || name === "target") continue;
    const members = groups.has(name) && value !== false ? Object.entries(value as object) : undefined;
    if (members === undefined) values.set(name, value);
    else for (const [member, one] of members) if (one !== undefined) values.set(`${name}.${member}`, one);
  }
  return values;
}
