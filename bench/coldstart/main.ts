// npm run bench:coldstart: from the start of a process to its first response, and the size of what is deployed.
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { startDnsServer } from "../../examples/demo/dns-server.ts";
import { startEchoServer } from "../../test/support/servers.ts";
import { type Estimate, estimate, median, shuffled } from "../statistics.ts";
import { buildPrograms, type Program, type Subject, type Way, wayNames } from "./programs.ts";
import { type Start, start } from "./start.ts";

const RUNS = 3;
const ROUNDS = 31;
/** CPU of connect-lb, as a multiple of connect-node's. */
const CPU_GOALS: Record<Way, number> = { "bundled, ESM": 1.05, "bundled, CommonJS": 1.05, "not bundled, ESM": 1.1 };
const SIZE_GOAL_KB = 12;

const server = await startEchoServer({ httpVersion: "2" });
const dns = await startDnsServer();
dns.srv("_grpc._tcp.users.test", [{ target: "one.users.test", port: server.port, address: "127.0.0.1" }], 30);

const BACKEND = `127.0.0.1:${server.port}`;
/** What is started: a program, and what it is told by variables. The first is what the others are compared with. */
const rows: { name: string; subject: Subject; env: Record<string, string> }[] = [
  { name: "connect-node", subject: "bare", env: { BACKEND } },
  { name: "connect-lb, `static:`", subject: "balanced", env: { TARGET: `static:///${BACKEND}` } },
  { name: "connect-lb, `srv:`", subject: "balanced", env: { TARGET: `srv://${dns.address}/_grpc._tcp.users.test` } },
  { name: "grpc-js", subject: "grpc-js", env: { BACKEND } },
];
const programs = await buildPrograms(["bare", "balanced", "grpc-js"]);
const program = (subject: Subject, way: Way) =>
  programs.find((one) => one.subject === subject && one.way === way) as Program;

/** The starts of each row, in the order of the rounds. */
async function measure(way: Way): Promise<Start[][]> {
  const starts: Start[][] = rows.map(() => []);
  // The first round fills the file system's cache.
  for (let round = -1; round < ROUNDS; round++) {
    for (const [index, { subject, env }] of shuffled([...rows.entries()])) {
      const seen = await start(program(subject, way).file, env);
      if (round >= 0) starts[index]?.push(seen);
    }
  }
  return starts;
}

const ratios = (starts: readonly Start[], base: readonly Start[], what: keyof Start): Estimate =>
  estimate(starts.map((one, round) => one[what] / (base[round] as Start)[what]));

const lines: string[] = [
  "# Cold start: from the start of a process to its first response",
  "",
  "Written by `npm run bench:coldstart`. Each start is a process of its own that makes one unary call over HTTP/2 to the same",
  "server on this machine, without TLS; connect-node and connect-lb speak Connect, grpc-js gRPC. Every round starts each program once,",
  "in a shuffled order; ratios are taken within a round, median and 95 % bootstrap interval. CPU is user and system time of all threads up",
  "to the response; wall time is from spawn to response, and measures the neighbours, too. Bundles are esbuild's, minified.",
  "`static:` does what connect-node does; `srv:` asks a DNS server besides, which connect-node's users do elsewhere.",
  "grpc-js has protobuf-es's messages here, as the others have, which its users need not.",
  "",
  `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? "unknown CPU"}, ${new Date().toISOString().slice(0, 10)}; ${RUNS} runs of ${ROUNDS} rounds.`,
];
let met = true;
for (const way of wayNames) {
  const runs: Start[][][] = [];
  for (let run = 0; run < RUNS; run++) runs.push(await measure(way));
  const header = ["", "CPU ms", ...runs.map((_, run) => `ratio, run ${run + 1}`), "wall ms", "ratio", "goal, CPU", ""];
  lines.push("", `## ${way[0]?.toUpperCase()}${way.slice(1)}`, "", row(header), row(header.map(() => "---")));
  for (const [index, { name, subject }] of rows.entries()) {
    const all = runs.flatMap((starts) => starts[index] as Start[]);
    const base = runs.flatMap((starts) => starts[0] as Start[]);
    const cpu = runs.map((starts) => ratios(starts[index] as Start[], starts[0] as Start[], "cpuMs"));
    const goal = subject === "balanced" ? CPU_GOALS[way] : undefined;
    const ok = goal === undefined || median(cpu.map((ratio) => ratio.median)) <= goal;
    met &&= ok;
    const ms = (what: keyof Start) => median(all.map((one) => one[what])).toFixed(1);
    const judged = goal === undefined ? ["", ""] : [`≤ ${goal}`, verdict(ok)];
    lines.push(row([name, ms("cpuMs"), ...cpu.map(show), ms("wallMs"), show(ratios(all, base, "wallMs")), ...judged]));
    console.log(lines.at(-1));
  }
}

lines.push(
  "",
  "## Size of the bundle",
  "",
  row(["", "", "minified, KB", "gzip -9, KB", "more than connect-node, KB", "goal", ""]),
  row(Array.from({ length: 7 }, () => "---")),
);
for (const { subject, way, bytes, gzipBytes } of programs.filter((one) => one.way !== "not bundled, ESM")) {
  const more = (gzipBytes - program("bare", way).gzipBytes) / 1_000;
  const ok = subject !== "balanced" || more <= SIZE_GOAL_KB;
  met &&= ok;
  const name = { bare: "connect-node", balanced: "connect-lb", "grpc-js": "grpc-js" }[subject];
  const judged = subject === "balanced" ? [`≤ ${SIZE_GOAL_KB}`, verdict(ok)] : ["", ""];
  lines.push(row([name, way, kb(bytes), kb(gzipBytes), subject === "bare" ? "" : more.toFixed(1), ...judged]));
  console.log(lines.at(-1));
}
writeFileSync(new URL("RESULTS.md", import.meta.url), `${lines.join("\n")}\n`);
console.log(met ? "every goal is met" : "a goal is NOT met");
server.kill();
await dns.close();

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function verdict(ok: boolean): string {
  return ok ? "met" : "**not met**";
}

function kb(bytes: number): string {
  return (bytes / 1_000).toFixed(1);
}

function show({ median, low, high }: Estimate): string {
  return `${median.toFixed(3)} (${low.toFixed(3)}–${high.toFixed(3)})`;
}
