import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { allCells, type Cell, nameOf } from "./cells.ts";
import { shortfalls } from "./expected.ts";
import { bundlePrograms } from "./subjects.ts";
import { runTrial } from "./trial.ts";

let programs: Awaited<ReturnType<typeof bundlePrograms>>;
beforeAll(async () => {
  programs = await bundlePrograms();
});
afterAll(() => programs[Symbol.dispose]());

const cells: [name: string, cell: Cell][] = allCells().map((cell) => [nameOf(cell), cell]);

describe.concurrent("the first call after a real freeze", () => {
  test.each(cells)("%s", async (_name, cell) => {
    const result = await runTrial(programs.subject("connect-lb"), cell);
    expect(shortfalls(cell, result)).toEqual([]);
  });
});
