// npm run test:conformance: the official suite against bare connect-node and against the balanced transport, with
// retries as they are by default. Fails if the balanced transport fails a case that bare connect-node passes, or if the
// cases that fail are not those of known-failing.txt and of the runtime's own list. `-- --runtime deno|bun` has them run
// there. Other options are the runner's own: `-- --run 'Timeouts/**'`.
import { readFileSync, writeFileSync } from "node:fs";
import type { Report } from "./report.ts";
import { resultsOf, worseThan } from "./results.ts";
import { runtimeOf } from "./runtime.ts";
import { type SubjectName, Suite } from "./suite.ts";

const subjects: readonly SubjectName[] = ["bare", "static", "srv"];
const options = process.argv.slice(2);

const named = options.indexOf("--runtime");
const [, runtimeName = ""] = named < 0 ? ["", "node"] : options.splice(named, 2);
const runtime = runtimeOf(runtimeName);

const suite = new Suite(runtime);
const reports = new Map<SubjectName, Report>();
const problems: string[] = [];
for (const subject of subjects) {
  const startedAt = performance.now();
  const report = await suite.run(subject, options);
  reports.set(subject, report);
  const { cases, failed } = report;
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  console.log(`${subject}: ${cases - failed.size} of ${cases} cases pass (${seconds} s)`);
  if (!report.complete) problems.push(`${subject}: not every case was run\n${report.stderr}`);
  for (const name of report.unexpected) problems.push(`${subject} fails: ${name}\n\t${failed.get(name)}`);
  for (const name of report.fixed) problems.push(`${subject} passes, but is among those known to fail: ${name}`);
  for (const name of worseThan(reports.get("bare"), report)) {
    problems.push(`${subject} fails, and bare connect-node passes: ${name}`);
  }
}

// A part of the suite is run to look into something; its figures are nobody's results.
if (options.length === 0) {
  const connectNode = new URL("../../node_modules/@connectrpc/connect-node/package.json", import.meta.url);
  const { version } = JSON.parse(readFileSync(connectNode, "utf8")) as { version: string };
  const file = runtime.name === "node" ? "RESULTS.md" : `RESULTS.${runtime.name}.md`;
  const results = resultsOf(reports, { suite: suite.version, connectNode: version, runtime });
  writeFileSync(new URL(file, import.meta.url), results);
}

for (const problem of problems) console.error(problem);
console.log(problems.length === 0 ? "the balanced transport passes what bare connect-node passes" : "NOT passed");
process.exitCode = problems.length === 0 ? 0 : 1;
