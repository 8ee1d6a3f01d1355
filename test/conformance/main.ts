// npm run test:conformance: the official suite against bare connect-node and against the balanced transport, with
// retries as they are by default. Fails if the balanced transport fails a case that bare connect-node passes, or if the
// cases that fail are not those of known-failing.txt. Options are the runner's own: `-- --run 'Timeouts/**'`.
import { readFileSync, writeFileSync } from "node:fs";
import type { Report } from "./report.ts";
import { resultsOf, worseThan } from "./results.ts";
import { type SubjectName, Suite } from "./suite.ts";

const subjects: readonly SubjectName[] = ["bare", "static", "srv"];
const options = process.argv.slice(2);

const suite = new Suite();
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
  for (const name of report.fixed) problems.push(`${subject} passes, but is in known-failing.txt: ${name}`);
  for (const name of worseThan(reports.get("bare"), report)) {
    problems.push(`${subject} fails, and bare connect-node passes: ${name}`);
  }
}

// A part of the suite is run to look into something; its figures are nobody's results.
if (options.length === 0) {
  const connectNode = new URL("../../node_modules/@connectrpc/connect-node/package.json", import.meta.url);
  const { version } = JSON.parse(readFileSync(connectNode, "utf8")) as { version: string };
  const versions = { suite: suite.version, connectNode: version, node: process.version };
  writeFileSync(new URL("RESULTS.md", import.meta.url), resultsOf(reports, versions));
}

for (const problem of problems) console.error(problem);
console.log(problems.length === 0 ? "the balanced transport passes what bare connect-node passes" : "NOT passed");
process.exitCode = problems.length === 0 ? 0 : 1;
