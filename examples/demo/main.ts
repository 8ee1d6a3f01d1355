// npm start: what a balanced client does where bare connect-node fails. Needs nothing but Node and npm.
import { startDnsServer } from "./dns-server.ts";
import { endAll } from "./fleet.ts";
import { type RemoteClient, startClient } from "./remote-client.ts";
import type { PhaseReport, Totals } from "./report.ts";
import { type Phase, SERVICE, writeStory } from "./story.ts";
import { errorLines, livePrinter, phaseTable } from "./table.ts";
import { MAX_IN_FLIGHT, MAX_PER_SECOND } from "./traffic.ts";

process.on("exit", endAll);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));

/** Of a story of 40 s, at up to 250 a second. */
const MIN_CALLS = 400;

interface Outcome {
  readonly calls: number;
  readonly failures: number;
  readonly crashed: boolean;
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const dns = await startDnsServer();
const story = await writeStory(dns);
const balanced = startClient("balanced", `srv://${dns.address}/${SERVICE}`);
const bare = startClient("bare", story.bareUrl);
const clients: ReadonlyMap<string, RemoteClient> = new Map([
  ["connect-lb", balanced],
  ["bare connect-node", bare],
]);

console.log(
  `connect-lb finds its servers at srv://${dns.address}/${SERVICE}; bare connect-node is told ${story.bareUrl} (c).`,
);
console.log(
  `Each calls an idempotent method as often as this machine allows: at most ${MAX_PER_SECOND} times a second, ${MAX_IN_FLIGHT} at a time.\n`,
);

// The last ones of a client that has crashed are those before the crash.
const totals = new Map<string, Totals>([...clients.keys()].map((name) => [name, { calls: 0, errors: {} }]));
const crashed = new Set<string>();
const startedAt = performance.now();
await Promise.all([...clients.values()].map((client) => client.ask("start")));
for (const [index, phase] of story.phases.entries()) keep(await play(phase, index + 1));
// With the calls that were under way at the end.
keep(await askAll("pause"));

const [ours, theirs] = [...clients.keys()].map((name) => {
  const { calls, errors } = totals.get(name) as Totals;
  const failures = Object.values(errors).reduce((sum, count) => sum + count, 0);
  return { calls, failures, crashed: crashed.has(name) };
}) as [Outcome, Outcome];
const problems = [
  ...(ours.crashed ? ["the balanced client's process crashed"] : []),
  ...(ours.failures > 0 ? [`${ours.failures} calls of the balanced client failed`] : []),
  ...(ours.calls < MIN_CALLS ? [`the balanced client made ${ours.calls} calls only: too few to show anything`] : []),
  ...(theirs.failures === 0 && !theirs.crashed ? ["bare connect-node did not fail: the story is wrong"] : []),
];
const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0);
const crash = theirs.crashed ? ", and its process crashed" : "";
console.log(
  `${story.phases.length} phases in ${seconds} s: ` +
    `connect-lb ${ours.calls} calls, ${ours.failures} failed; bare connect-node ${theirs.calls} calls, ${theirs.failures} failed${crash}.`,
);
for (const line of errorLines(totals)) console.log(`  ${line}`);
for (const problem of problems) console.error(`FAILED: ${problem}`);
process.exit(problems.length === 0 ? 0 : 1);

function keep(reports: ReadonlyMap<string, PhaseReport | undefined>): void {
  for (const [name, report] of reports) {
    if (report === undefined) crashed.add(name);
    else totals.set(name, report.sinceStart);
  }
}

/** Plays a phase to its end, printing as it goes. */
async function play(phase: Phase, number: number): Promise<Map<string, PhaseReport | undefined>> {
  console.log(`${number}. ${phase.title}`);
  const printer = livePrinter();
  const all = [...clients.values()];
  // What began before the phase belongs to the one before it; what its beginning does to calls belongs to it.
  await Promise.all(all.map((client) => client.ask("begin-phase")));
  await phase.begin?.(all, bare);
  const startedAt = performance.now();
  let reports = new Map<string, PhaseReport | undefined>();
  let middle = phase.middle;
  for (let left = phase.seconds * 1_000; left > 0; left = phase.seconds * 1_000 - (performance.now() - startedAt)) {
    await sleep(Math.min(500, left));
    if (middle !== undefined && left < phase.seconds * 500) {
      await middle();
      middle = undefined;
    }
    reports = await askAll("report");
    printer.print(phaseTable(reports));
  }
  printer.done();
  return reports;
}

async function askAll(command: "report" | "pause"): Promise<Map<string, PhaseReport | undefined>> {
  return new Map(
    await Promise.all([...clients].map(async ([name, client]) => [name, await client.ask(command)] as const)),
  );
}
