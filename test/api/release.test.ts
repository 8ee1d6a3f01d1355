import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, onTestFinished, test } from "vitest";

/** What a release reads and writes. */
const FILES = ["package.json", "package-lock.json", "test/package.json", ".changeset/config.json", "api"];
const CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- This.\n";
const AGENT = "src/node/unary/user-agent.ts";

function copyOfProject(): string {
  const folder = mkdtempSync(join(tmpdir(), "connect-lb-release-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, "test"));
  mkdirSync(join(folder, ".changeset"));
  for (const file of [...FILES, AGENT]) cpSync(file, join(folder, file), { recursive: true });
  writeFileSync(join(folder, "CHANGELOG.md"), CHANGELOG);
  symlinkSync(resolve("node_modules"), join(folder, "node_modules"));
  return folder;
}

test("a release raises the version by its changesets, dates the changelog, and takes today's types as the old ones", () => {
  const folder = copyOfProject();
  const read = (file: string) => readFileSync(join(folder, file), "utf8");
  const before = JSON.parse(read("package.json")).version;
  writeFileSync(join(folder, ".changeset/quick-fox.md"), '---\n"connect-lb": major\n---\n\n`Picker`\n');
  writeFileSync(join(folder, "api/node.api.md"), "```ts\nexport type A = 1;\n```\n");

  execFileSync("node_modules/.bin/changeset", ["version"], { cwd: folder });
  execFileSync(process.execPath, ["api/release.ts"], { cwd: folder });

  const { version } = JSON.parse(read("package.json"));
  expect(version).toBe(`${Number(before.split(".")[0]) + 1}.0.0`);
  expect(read(AGENT)).toContain(`"connect-lb/${version}"`);
  const [heading] = /## \[\d.*\n/.exec(read("CHANGELOG.md")) ?? [];
  expect(heading).toMatch(new RegExp(`^## \\[${version}\\] - \\d{4}-\\d\\d-\\d\\d$`, "m"));
  expect(read("CHANGELOG.md")).toBe(CHANGELOG.replace("## [Unreleased]\n", `## [Unreleased]\n\n${heading}`));
  expect(read("api/released/node.api.md")).toBe("```ts\nexport type A = 1;\n```\n");
  expect(readdirSync(join(folder, ".changeset"))).toEqual(["config.json"]);
});
