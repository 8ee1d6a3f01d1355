import type { Kind } from "./kinds.ts";

/** One option of `createBalancedTransport()`: the single source of its check, its names and its documentation. */
export interface OptionRow {
  /** As it is written in code: "retry.maxAttempts". */
  readonly path: string;
  /** As it is written in a target's query: "max-attempts"; in the environment CONNECT_LB_MAX_ATTEMPTS. Absent for what only code can give. */
  readonly name?: string;
  readonly kind: Kind;
  /** The doc comment of its type, and its text in docs/configuration.md. */
  readonly doc: string;
  /** The value may be a secret: no message shows it, and it has no place in a target. */
  readonly secret?: true;
  /** It has no place in a target's query. */
  readonly notInTarget?: true;
  /** A named transport does not take it from the unnamed one. */
  readonly neverFallsBack?: true;
}
