import { Code } from "@connectrpc/connect";

/** How a value is written in an environment variable or in a target's query. */
export interface Written {
  /** After "must be". */
  readonly description: string;
  read(text: string): Reading;
}

export type Reading = { readonly value: unknown } | { readonly problem: string };

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

export const writtenDuration: Written = {
  description: 'a duration with a unit (ms, s, m or h), such as "500ms" or "2s"',
  read(text) {
    const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text);
    if (match === null) return wrong(this, text);
    const [, number = "", unit] = match;
    if (unit === undefined) return { problem: `needs a unit: write "${number}ms" or "${number}s"` };
    return { value: Number(number) * (unitsMs[unit] as number) };
  },
};

export const writtenNumber: Written = {
  description: "a number",
  read: (text) => (/^\d+(\.\d+)?$/.test(text) ? { value: Number(text) } : wrong(writtenNumber, text)),
};

export const writtenBoolean: Written = {
  description: '"true" or "false"',
  read(text) {
    const value = { true: true, "1": true, false: false, "0": false }[text.toLowerCase()];
    return value === undefined ? wrong(this, text) : { value };
  },
};

/** Taken as it is; the option's own check says what is allowed. */
export const writtenText: Written = { description: "text", read: (text) => ({ value: text }) };

export const writtenList: Written = {
  description: "a list with commas",
  read: (text) => ({ value: text.split(",").map((entry) => entry.trim()) }),
};

/** Codes by their names in Connect, gRPC or TypeScript: "unavailable", "RESOURCE_EXHAUSTED", "DeadlineExceeded". */
export const writtenCodes: Written = {
  description: 'a list of codes with commas, such as "unavailable,resource_exhausted"',
  read(text) {
    const codes = text.split(",").map((entry) => codesByName.get(plain(entry)));
    return codes.includes(undefined) ? wrong(this, text) : { value: codes };
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

function wrong(written: Written, text: string): Reading {
  return { problem: `must be ${written.description}, not ${JSON.stringify(text.slice(0, 80))}` };
}
