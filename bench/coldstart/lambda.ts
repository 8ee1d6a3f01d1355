// npm run bench:lambda: the init phase of a Lambda function and its first invocation, under the official runtime client.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startDnsServer } from "../../examples/demo/dns-server.ts";
import { endAll } from "../../examples/demo/fleet.ts";
import { bundle } from "../../examples/lambda/bundle.ts";
import { startFunction } from "../../examples/lambda/function.ts";
import { startEchoServer } from "../../test/support/servers.ts";
import { isShort, machine, shown } from "../report.ts";
import { estimate, median, shuffled } from "../statistics.ts";
import type { Phases } from "./functions/phases.ts";
import { buildFunction, type Source, type Subject } from "./functions.ts";

const isShortRun = isShort(
  "npm run bench:lambda [-- --short]\n\nMeasures 61 rounds and writes RESULTS.lambda.md; --short: 7, and writes nothing.",
);
const ROUNDS = isShortRun ? 7 : 61;
const PROVISIONED_IDLE_MS = 600_000;
/** The first invocation after a warm-up, as a multiple of connect-node's. */
const GOAL = 0.9;

const server = await startEchoServer({ httpVersion: "2" });
const dns = await startDnsServer();
dns.srv("_grpc._tcp.users.test", [{ target: "one.users.test", port: server.port, address: "127.0.0.1" }], 30);
const folder = mkdtempSync(join(tmpdir(), "connect-lb-bench-lambda-"));
process.on("exit", () => {
  endAll();
  rmSync(folder, { recursive: true });
});
const { runtime } = await bundle(folder, false);

interface Row {
  readonly name: string;
  readonly subject: Subject;
  readonly source: Source;
  readonly variables: Readonly<Record<string, string>>;
}
const BACKEND = `127.0.0.1:${server.port}`;
const target = (uri: string) => ({ CONNECT_LB_TARGET: uri, CONNECT_LB_TLS: "false" });
const fixed = target(`static:///${BACKEND}`);
const srv = target(`srv://${dns.address}/_grpc._tcp.users.test`);
const tcp = { ...srv, CONNECT_LB_DNS_TRANSPORT: "tcp" };
/** The first is what the others are compared with. */
const rows: readonly Row[] = [
  { name: "connect-node", subject: "bare", source: "import", variables: { BACKEND } },
  { name: "connect-lb, `static:`", subject: "balanced", source: "import", variables: fixed },
  { name: "connect-lb, `static:`, `warmUp()`", subject: "warm", source: "import", variables: fixed },
  { name: "connect-lb, `srv:`", subject: "balanced", source: "import", variables: srv },
  { name: "connect-lb, `srv:`, `warmUp()`", subject: "warm", source: "import", variables: srv },
  { name: "connect-lb, `srv:` over TCP, `warmUp()`", subject: "warm", source: "import", variables: tcp },
  { name: "connect-node, by `require()`", subject: "bare", source: "require", variables: { BACKEND } },
  { name: "connect-lb, `static:`, by `require()`", subject: "balanced", source: "require", variables: fixed },
];
const cache = fileURLToPath(new URL("../../.cache/coldstart/functions/", import.meta.url));
const taskRoots = await Promise.all(
  rows.map(async ({ subject, source }) => (await buildFunction(subject, source, cache)).taskRoot),
);

/** What is measured of one environment. */
interface Seen extends Phases {
  /** From the event to the answer. */
  readonly wallMs: number;
}

async function see({ variables }: Row, taskRoot: string, idleMs: number): Promise<Seen> {
  await using lambda = await startFunction({
    name: "coldstart",
    runtime,
    taskRoot,
    handler: "index.handler",
    timeoutMs: 10_000,
    variables,
  });
  if (idleMs > 0) await lambda.freeze();
  const { failed, body, partsMs } = await lambda.invoke({ idleMs });
  if (failed) throw new Error(body);
  return { ...(JSON.parse(body) as Phases), wallMs: partsMs[0] as number };
}

const situations = [
  { title: "On demand: the event comes at once", idleMs: 0 },
  { title: "Provisioned: frozen, and the event comes ten minutes later", idleMs: PROVISIONED_IDLE_MS },
];
const cases = situations.flatMap((situation) => rows.map((row, index) => ({ situation, row, index })));
const seen = new Map<(typeof cases)[number], Seen[]>(cases.map((one) => [one, []]));
// The first round fills the file system's cache.
for (let round = -1; round < ROUNDS; round++) {
  for (const one of shuffled(cases)) {
    const measured = await see(one.row, taskRoots[one.index] as string, one.situation.idleMs);
    if (round >= 0) seen.get(one)?.push(measured);
  }
}

const lines = [
  "# The init phase of a Lambda function, and its first invocation",
  "",
  "Written by `npm run bench:lambda`. Each start is a process of its own under aws-lambda-ric, its native part aside, that makes one",
  "unary call over HTTP/2 to the same server on this machine, without TLS. Every round starts each function once, in a shuffled order;",
  "ratios are taken within a round and to connect-node in the same situation, median and 95 % bootstrap interval. CPU is user and",
  "system time of the whole process, up to the end of the module and of the call; an invocation takes the time from its event to its",
  "answer. Ten minutes are a freeze (SIGSTOP) and a clock that is ten minutes ahead afterwards.",
  "By `require()`: compiled to CommonJS before it was bundled.",
  "",
  `${machine()}; ${ROUNDS} rounds.`,
];
const columns = ["init, CPU ms", "ratio", "and first call, CPU ms", "ratio", "first invocation, ms", "ratio"];
let met = true;
for (const situation of situations) {
  const own = cases.filter((one) => one.situation === situation);
  const base = seen.get(own[0] as (typeof cases)[number]) as Seen[];
  lines.push("", `## ${situation.title}`, "", tableRow(["", ...columns]), tableRow(["", ...columns].map(() => "---")));
  for (const one of own) {
    const all = seen.get(one) as Seen[];
    const cells = (["initCpuMs", "callCpuMs", "wallMs"] as const).flatMap((what) => {
      const ratio = estimate(all.map((each, round) => each[what] / (base[round] as Seen)[what]));
      if (what === "wallMs" && one.row.subject === "warm" && situation.idleMs === 0) met &&= ratio.median <= GOAL;
      return [median(all.map((each) => each[what])).toFixed(1), shown(ratio, 2)];
    });
    lines.push(tableRow([one.row.name, ...cells]));
  }
}
lines.push(
  "",
  `Goal: a first invocation on demand, after \`warmUp()\`, of at most ${GOAL} × connect-node's: ${met ? "met" : "**not met**"}.`,
);
console.log(lines.join("\n"));
if (!isShortRun) writeFileSync(new URL("RESULTS.lambda.md", import.meta.url), `${lines.join("\n")}\n`);
server.kill();
await dns.close();
process.exit(0);

function tableRow(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}
