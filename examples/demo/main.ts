// npm start: what a balanced client does where bare connect-node fails. Needs nothing but Node and npm.
import { startDnsServer } from "./dns-server.ts";
import { endAll } from "./fleet.ts";
import { type RemoteClient, startClient } from "./remote-client.ts";
import type { PhaseReport } from "./report.ts";
import { type Phase, SERVICE, writeStory } from "./story.ts";
import { livePrinter, phaseTable } from "./table.ts";

process.on("exit", endAll);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));

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
console.log("Each makes 250 calls a second of an idempotent method.\n");

const totals = new Map([...clients.keys()].map((name) => [name, { calls: 0, failures: 0, crashed: false }]));
const startedAt = performance.now();
let sendingMs = 0;
await Promise.all([...clients.values()].map((client) => client.ask("start")));
for (const [index, phase] of story.phases.entries()) {
  for (const [name, report] of await play(phase, index + 1)) {
    const total = totals.get(name) as { calls: number; failures: number; crashed: boolean };
    total.calls += report?.calls ?? 0;
    total.failures += report?.failures ?? 0;
    total.crashed ||= report === undefined;
  }
}

const ours = totals.get("connect-lb") as { calls: number; failures: number; crashed: boolean };
const theirs = totals.get("bare connect-node") as typeof ours;
const perSecond = ours.calls / (sendingMs / 1_000);
const problems = [
  ...(ours.crashed ? ["the balanced client's process crashed"] : []),
  ...(ours.failures > 0 ? [`${ours.failures} calls of the balanced client failed`] : []),
  ...(perSecond < 200 ? [`only ${perSecond.toFixed(0)} calls a second were made`] : []),
  ...(theirs.failures === 0 && !theirs.crashed ? ["bare connect-node did not fail: the story is wrong"] : []),
];
const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0);
const crash = theirs.crashed ? ", and its process crashed" : "";
console.log(
  `${story.phases.length} phases in ${seconds} s at ${perSecond.toFixed(0)} calls/s: ` +
    `connect-lb ${ours.calls} calls, ${ours.failures} failed; bare connect-node ${theirs.calls} calls, ${theirs.failures} failed${crash}.`,
);
for (const problem of problems) console.error(`FAILED: ${problem}`);
process.exit(problems.length === 0 ? 0 : 1);

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
    reports = await reportAll();
    printer.print(phaseTable(reports));
  }
  sendingMs += performance.now() - startedAt;
  printer.done();
  return reports;
}

async function reportAll(): Promise<Map<string, PhaseReport | undefined>> {
  return new Map(
    await Promise.all([...clients].map(async ([name, client]) => [name, await client.ask("report")] as const)),
  );
}
