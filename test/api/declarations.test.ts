import { expect, test } from "vitest";
import { changedNames, declarations } from "../../api/declarations.ts";

const report = (...code: string[]) => `Some words.\n\n\`\`\`ts\n\n${code.join("\n\n")}\n\n\`\`\`\n`;

test("a declaration is known by its name, overloads together", () => {
  const found = declarations(
    report(
      "import { Code } from 'elsewhere';",
      "export interface A { readonly ms: number }",
      "export function f(a: A): void;",
      "// @public (undocumented)\nexport function f(): void;",
      "export const key: unique symbol;",
    ),
  );
  expect([...found.keys()]).toEqual(["A", "f", "key"]);
  expect(found.get("f")).toBe("export function f(a: A): void;\nexport function f(): void;");
});

test("a declaration that is exported by another name is known by that", () => {
  const found = declarations(report("type Listener_2 = () => void;", "export { Listener_2 as Listener }"));
  expect([...found.keys()]).toEqual(["Listener"]);
  expect(found.get("Listener")).toContain("() => void");
});

const before = report("export interface A {\n    ms: number;\n}", "export type B = 1 | 2;", "interface Inner {\n}");

test.each([
  ["a property that may be missing", before.replace("ms:", "ms?:"), ["A"]],
  ["another member of a union", before.replace("1 | 2", "1 | 2 | 3"), ["B"]],
  ["a declaration that is gone", before.replace(/interface Inner.*\n}/, ""), ["Inner"]],
  ["a declaration that is new", before.replace("interface Inner", "type C = 1;\n\ninterface Inner"), ["C"]],
  ["one that is exported now", before.replace("interface Inner", "export interface Inner"), ["Inner"]],
  ["another comment", before.replace("1 | 2", "/** One. */ 1 | 2"), []],
  [
    "another order of the declarations",
    report("export type B = 1 | 2;", "interface Inner {\n}", "export interface A {\n    ms: number;\n}"),
    [],
  ],
])("%s", (_, after, changed) => {
  expect(changedNames(before, after)).toEqual(changed);
});

test("without a report, everything has changed", () => {
  expect(changedNames("", before)).toEqual(["A", "B", "Inner"]);
});
