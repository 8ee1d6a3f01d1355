import { readFileSync } from "node:fs";
import { root } from "./repository.ts";

/** Cells by the names of their columns. The name "" is the first column's: the last one, of what is met, may have none either. */
export type Row = Readonly<Record<string, string>>;

/** A table of a benchmark's RESULTS.md. */
export interface Table {
  /** The last heading before it. */
  readonly heading: string;
  readonly rows: readonly Row[];
}

export function tablesOf(bench: string): Table[] {
  const tables: { heading: string; rows: Row[] }[] = [];
  let heading = "";
  let columns: readonly string[] | undefined;
  for (const line of readFileSync(`${root}bench/${bench}/RESULTS.md`, "utf8").split("\n")) {
    const cells = line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim());
    if (line.startsWith("#")) heading = line.replace(/^#+ /, "");
    if (!line.startsWith("|")) columns = undefined;
    else if (columns === undefined) {
      columns = cells;
      tables.push({ heading, rows: [] });
    } else if (!/^[|\s-]+$/.test(line)) {
      const named = columns.map((column, i) => [column, cells[i] ?? ""] as const);
      tables.at(-1)?.rows.push(Object.fromEntries(named.filter(([column], i) => i === 0 || column !== "")));
    }
  }
  return tables;
}

/** "0.47" of "0.47 (0.46–0.48)" */
export const medianIn = (cell = "") => cell.replace(/ \(.*$/, "");

export const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
