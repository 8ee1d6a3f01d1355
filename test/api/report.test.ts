import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { changedNames } from "../../api/declarations.ts";
import { entryPoints } from "../../api/entry-points.ts";
import { apiReport } from "../../api/report.ts";

function reportOf(code: string): string {
  const folder = mkdtempSync(join(tmpdir(), "connect-lb-types-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "some.d.ts"), code);
  return apiReport(join(folder, "some.d.ts"));
}

const types = `interface Inner { readonly ms?: number }
/** Words. */
interface Outer {
  /** More words. */
  readonly inner: Inner;
}
declare function call(outer: Outer): Promise<void>;
export { type Outer, call };
`;

test("a report has what is exported and what that refers to, without comments", () => {
  const report = reportOf(types);
  expect(report).toContain("export interface Outer {\n    readonly inner: Inner;\n}\n");
  expect(report).toContain("\ninterface Inner {");
  expect(report).not.toContain("Words");
});

test.each([
  ["a changed property", types.replace("ms?", "ms"), ["Inner"]],
  ["a type that is exported no longer", types.replace("type Outer, ", ""), ["Outer"]],
  ["another comment", types.replace("More words", "Other words"), []],
])("%s", (_, changed, names) => {
  expect(changedNames(reportOf(types), reportOf(changed))).toEqual(names);
});

test("types that do not exist are an error, not an empty report", () => {
  expect(() => apiReport("/nowhere/some.d.ts")).toThrow("/nowhere/some.d.ts");
});

test("each entry point of package.json is a file of the build, the main one first", () => {
  expect(entryPoints()[0]).toBe("node");
  for (const name of entryPoints()) expect(existsSync(`dist/${name}.d.ts`), name).toBe(true);
});
