import type { Code } from "@connectrpc/connect";
import type { ValueType } from "./value-types.ts";

/** One option of `createBalancedTransport()`: the single source of its check, its names and its documentation. */
export interface OptionDefinition {
  /** As it is written in code: "retry.maxAttempts". */
  readonly path: string;
  /** As it is written in a target's query: "max-attempts"; in the environment CONNECT_LB_MAX_ATTEMPTS. Absent for what only code can give. */
  readonly name?: string;
  readonly type: ValueType;
  /** Where nobody sets it; undefined for none. Absent for a group, whose members have theirs. */
  readonly default?: Default;
  /**
   * What the option does, without its default: `npm run generate` writes both into the doc comment of its type and into
   * docs/configuration.md.
   */
  readonly doc: string;
  /** The value may be a secret: no message shows it, and it has no place in a target. */
  readonly secret?: true;
  /** It has no place in a target's query. */
  readonly notInTarget?: true;
  /** A named transport does not take it from the unnamed one. */
  readonly neverFallsBack?: true;
}

/** The option's value; or a function that says in words what no single value does, with the values that it shows. */
export type Default = Value | readonly Code[] | undefined | ((show: (value: Value) => string) => string);

type Value = string | number | boolean;
