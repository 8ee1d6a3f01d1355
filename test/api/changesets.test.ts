import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { readChangesets, unannounced } from "../../api/changesets.ts";

function changesets(files: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), "connect-lb-changesets-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return readChangesets(folder, "connect-lb");
}

const minor = '---\n"connect-lb": minor\n---\n\n`RetryOptions.codes` takes names, as `Picker` does.\n';

test("what a changeset names is announced", () => {
  expect(unannounced(["Picker", "RetryOptions"], changesets({ "quick-fox.md": minor }))).toEqual([]);
});

test.each([
  ["no changeset", {}],
  ["one that names something else", { "a.md": minor.replaceAll("Picker", "PickerFactory") }],
  ["the name in plain words, where it may mean anything", { "a.md": minor.replace("`Picker`", "a Picker") }],
  ["one that raises no version", { "a.md": minor.replace('"connect-lb": minor\n', "") }],
  ["one of another package", { "a.md": minor.replace("connect-lb", "connect-lb-toolchain") }],
  ["the folder's own page", { "README.md": minor }],
])("not announced: %s", (_, files) => {
  expect(unannounced(["Picker"], changesets(files))).toEqual(["Picker"]);
});
