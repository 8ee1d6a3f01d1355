// npm run example:lambda: the handlers in this folder as Lambda would run them, frozen between their invocations.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startDnsServer } from "../demo/dns-server.ts";
import { endAll } from "../demo/fleet.ts";
import { bundle } from "./bundle.ts";
import { type Report, reportTable } from "./report.ts";
import { buffered, deadline, managedInstance, serverError, streaming } from "./scenarios.ts";
import { play, type Stage } from "./stage.ts";

const folder = mkdtempSync(join(tmpdir(), "connect-lb-lambda-"));
process.on("exit", () => {
  endAll();
  rmSync(folder, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));

const native = process.argv.includes("--native");
const startedAt = performance.now();
const bundles = await bundle(folder, native);
const stage: Stage = { dns: await startDnsServer(), bundles };
console.log(
  "80 invocations of three functions, frozen before each one, and then three more functions: about a minute.\n",
);

// Those that are frozen most of the time run together, those that are never frozen afterwards.
const reports: Report[] = await Promise.all([
  play(stage, buffered(bundles, "esm", 50)),
  play(stage, buffered(bundles, "cjs", 20)),
  play(stage, streaming(bundles, 10)),
]);
for (const scenario of [managedInstance(bundles), deadline(bundles), serverError(bundles)]) {
  reports.push(await play(stage, scenario));
}

console.log(reportTable(reports).join("\n"));
const problems = reports.flatMap(({ title, problems }) => problems.map((problem) => `${title}: ${problem}`));
const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0);
console.log(`\n${seconds} s under aws-lambda-ric, ${native ? "with its native part" : "its native part aside"}.`);
for (const problem of problems) console.error(`FAILED: ${problem}`);
process.exit(problems.length === 0 ? 0 : 1);
