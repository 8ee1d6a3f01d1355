import { Code } from "@connectrpc/connect";

/** How a value is written in an environment variable or in a target's query. */
export interface ValueParser {
  /** After "must be", where the option's own description speaks of values that cannot be written. */
  readonly description?: string;
  parse(text: string): Parsed;
}

/** Without a `problem`, the option's description says what is wrong. */
export type Parsed =
  | { readonly value: unknown; readonly problem?: never }
  | { readonly problem?: string; readonly value?: never };

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

export const durationParser: ValueParser = {
  description: 'a duration with a unit (ms, s, m or h), such as "500ms" or "2s"',
  parse(text) {
    const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text);
    if (match === null) return {};
    const [, number = "", unit] = match;
    if (unit === undefined) return { problem: `needs a unit: write "${number}ms" or "${number}s"` };
    return { value: Number(number) * (unitsMs[unit] as number) };
  },
};

export const numberParser: ValueParser = {
  parse: (text) => (/^\d+(\.\d+)?$/.test(text) ? { value: Number(text) } : {}),
};

const booleans = new Map([
  ["true", true],
  ["1", true],
  ["false", false],
  ["0", false],
]);

export const booleanParser: ValueParser = {
  description: '"true" or "false"',
  parse(text) {
    const value = booleans.get(text.toLowerCase());
    return value === undefined ? {} : { value };
  },
};

/** Taken as it is; the option's own check says what is allowed. */
export const textParser: ValueParser = { parse: (text) => ({ value: text }) };

export const listParser: ValueParser = { parse: (text) => ({ value: text.split(",").map((entry) => entry.trim()) }) };

/** Codes by their names in Connect, gRPC or TypeScript: "unavailable", "RESOURCE_EXHAUSTED", "DeadlineExceeded". */
export const codesParser: ValueParser = {
  description: 'a list of codes with commas, such as "unavailable,resource_exhausted"',
  parse(text) {
    const codes = text.split(",").map((entry) => codesByName.get(plain(entry)));
    return codes.includes(undefined) ? {} : { value: codes };
  },
};

const codesByName = new Map(
  Object.entries(Code)
    .filter(([, code]) => typeof code === "number")
    .map(([name, code]) => [plain(name), code]),
);

function plain(name: string): string {
  return name.trim().toLowerCase().replaceAll("_", "");
}
