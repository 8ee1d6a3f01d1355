import { describe, expect, it } from "vitest";
import { optionTable } from "../../src/config/option-table.ts";
import { committedFile, generatedFiles } from "./documentation.ts";

describe("what is generated from the option table (npm run generate)", () => {
  it.each([...generatedFiles()])("%s is up to date", (path, text) => {
    expect(committedFile(path)).toBe(text);
  });

  it("has a type for every option, and names that differ", () => {
    const types = [...generatedFiles()].map(([, text]) => text).join();
    for (const { path } of optionTable()) expect(types).toContain(`  ${path.split(".").at(-1)}?: `);
    const names = optionTable().flatMap(({ name }) => name ?? []);
    expect(new Set(names).size).toBe(names.length);
  });
});
