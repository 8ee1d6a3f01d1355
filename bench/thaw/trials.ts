import { appendFileSync, existsSync, readFileSync } from "node:fs";
import type { Cell } from "../../test/thaw/cells.ts";
import { nameOf } from "../../test/thaw/cells.ts";
import type { SubjectName } from "../../test/thaw/subjects.ts";
import type { TrialResult } from "../../test/thaw/trial.ts";

/** One client in one cell. */
export interface Place {
  readonly subject: SubjectName;
  readonly cell: Cell;
}

/** The trials so far, kept in a file: a run that was interrupted goes on. */
export class Trials {
  readonly #file: URL;
  readonly #results = new Map<string, TrialResult[]>();

  constructor(file: URL) {
    this.#file = file;
    if (!existsSync(file)) return;
    for (const line of readFileSync(file, "utf8").trimEnd().split("\n")) {
      const { key, result } = JSON.parse(line) as { key: string; result: TrialResult };
      this.#list(key).push(result);
    }
  }

  of(place: Place): readonly TrialResult[] {
    return this.#results.get(keyOf(place)) ?? [];
  }

  add(place: Place, result: TrialResult): void {
    const key = keyOf(place);
    this.#list(key).push(result);
    appendFileSync(this.#file, `${JSON.stringify({ key, result })}\n`);
  }

  #list(key: string): TrialResult[] {
    const list = this.#results.get(key) ?? [];
    this.#results.set(key, list);
    return list;
  }
}

function keyOf({ subject, cell }: Place): string {
  return `${subject}: ${nameOf(cell)}`;
}
