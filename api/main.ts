// npm run api: writes what the package exports into api/*.api.md. `--check`, in `npm run check`: fails where that is not
// what the build exports, or where a change since the last release is in no changeset.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readChangesets, unannounced } from "./changesets.ts";
import { changedNames } from "./declarations.ts";
import { entryPoints } from "./entry-points.ts";
import { apiReport } from "./report.ts";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const textOf = (path: string) => (existsSync(at(path)) ? readFileSync(at(path), "utf8") : "");

const isCheck = process.argv.includes("--check");
const problems: string[] = [];
const changed = new Set<string>();
for (const name of entryPoints()) {
  const report = apiReport(at(`../dist/${name}.d.ts`));
  const written = textOf(`${name}.api.md`);
  if (report !== written) {
    if (!isCheck) writeFileSync(at(`${name}.api.md`), report);
    else
      problems.push(`${list(changedNames(written, report))} changed: \`npm run api\` writes api/${name}.api.md anew`);
  }
  for (const one of changedNames(textOf(`released/${name}.api.md`), report)) changed.add(one);
}
const { name } = JSON.parse(textOf("../package.json"));
const missing = unannounced([...changed].sort(), readChangesets(at("../.changeset"), name));
if (missing.length > 0) {
  problems.push(
    `no changeset names ${list(missing)}, which changed since the last release: \`npx changeset\` makes one, or one in .changeset/ names more`,
  );
}
for (const problem of problems) console.error(`api: ${problem}`);
process.exitCode = isCheck && problems.length > 0 ? 1 : 0;

function list(names: readonly string[]): string {
  return names.length === 0 ? "the form of the report" : names.map((name) => `\`${name}\``).join(", ");
}
