// npm run bench:coldstart: from the start of a process to its first response, and the size of what is deployed.
import { writeFileSync } from "node:fs";
import { startDnsServer } from "../../examples/demo/dns-server.ts";
import { createTestAuthority } from "../../test/support/certificates.ts";
import { startEchoServer } from "../../test/support/servers.ts";
import { machine, shown } from "../report.ts";
import { type Estimate, estimate, median, shuffled } from "../statistics.ts";
import { buildPrograms, type Program, type Subject, type Way, wayNames } from "./programs.ts";
import { type Start, start } from "./start.ts";

const RUNS = 3;
const ROUNDS = 31;
const SIZE_GOAL_KB = 43;

const authority = await createTestAuthority();
const server = await startEchoServer({ httpVersion: "2" });
const tlsServer = await startEchoServer({ httpVersion: "2", tls: await authority.server() });
const dns = await startDnsServer();
dns.srv("_grpc._tcp.users.test", [{ target: "one.users.test", port: server.port, address: "127.0.0.1" }], 30);

const BACKEND = `127.0.0.1:${server.port}`;
const TLS_BACKEND = `127.0.0.1:${tlsServer.port}`;
const STATIC = `static:///${BACKEND}`;
const SRV = `srv://${dns.address}/_grpc._tcp.users.test`;
const CA = authority.ca;
const CALL = JSON.stringify({ headers: { authorization: "Bearer token" }, timeoutMs: 5_000 });

/** What is started: a program, and the variables that it reads. */
interface Row {
  readonly name: string;
  readonly subject: Subject;
  readonly env: Record<string, string>;
  /** Of connect-lb: its CPU, as a multiple of that of the last row of connect-node above it. */
  readonly goal?: number;
}

const rows: readonly Row[] = [
  { name: "connect-node", subject: "bare", env: { BACKEND } },
  { name: "connect-lb, `static:`", subject: "balanced", env: { TARGET: STATIC }, goal: 0.9 },
  { name: "connect-lb, `srv:`", subject: "balanced", env: { TARGET: SRV }, goal: 1 },
  { name: "connect-lb, `srv:`, by TCP", subject: "balanced", env: { TARGET: `${SRV}?dns-transport=tcp` }, goal: 0.95 },
  { name: "grpc-js", subject: "grpc-js", env: { BACKEND } },
  { name: "connect-node, header and time limit", subject: "bare", env: { BACKEND, CALL } },
  { name: "connect-lb, header and time limit", subject: "balanced", env: { TARGET: STATIC, CALL }, goal: 0.97 },
  { name: "connect-node, TLS", subject: "bare", env: { BACKEND: TLS_BACKEND, CA } },
  { name: "connect-lb, TLS", subject: "balanced", env: { TARGET: `static:///${TLS_BACKEND}`, CA }, goal: 0.97 },
];
/** By row, the one that it is compared with. */
const bases = rows.map((_, index) => rows.findLastIndex(({ subject }, other) => subject === "bare" && other <= index));
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
  "server on this machine, without TLS where nothing is said; connect-node and connect-lb speak Connect, grpc-js gRPC. Every round starts each program once,",
  "in a shuffled order; ratios are taken within a round, median and 95 % bootstrap interval. CPU is user and system time of all threads up",
  "to the response; wall time is from spawn to response, and measures the neighbours, too. Bundles are esbuild's, minified.",
  "Rows are compared with the last one of connect-node above them, by the median of the runs. `static:` does what connect-node does; `srv:` asks a DNS server besides, which connect-node's users do elsewhere.",
  "grpc-js has protobuf-es's messages here, as the others have, which its users need not.",
  "",
  `${machine()}; ${RUNS} runs of ${ROUNDS} rounds.`,
];
let met = true;
for (const way of wayNames) {
  const runs: Start[][][] = [];
  for (let run = 0; run < RUNS; run++) runs.push(await measure(way));
  const header = ["", "CPU ms", ...runs.map((_, run) => `ratio, run ${run + 1}`), "wall ms", "ratio", "goal, CPU", ""];
  lines.push("", `## ${way[0]?.toUpperCase()}${way.slice(1)}`, "", row(header), row(header.map(() => "---")));
  for (const [index, { name, goal }] of rows.entries()) {
    const all = runs.flatMap((starts) => starts[index] as Start[]);
    const base = runs.flatMap((starts) => starts[bases[index] as number] as Start[]);
    const cpu = runs.map((starts) =>
      ratios(starts[index] as Start[], starts[bases[index] as number] as Start[], "cpuMs"),
    );
    const ok = goal === undefined || median(cpu.map((ratio) => ratio.median)) <= goal;
    met &&= ok;
    const ms = (what: keyof Start) => median(all.map((one) => one[what])).toFixed(1);
    const judged = goal === undefined ? ["", ""] : [`≤ ${goal}`, verdict(ok)];
    lines.push(
      row([
        name,
        ms("cpuMs"),
        ...cpu.map((estimate) => shown(estimate, 3)),
        ms("wallMs"),
        shown(ratios(all, base, "wallMs"), 3),
        ...judged,
      ]),
    );
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
tlsServer.kill();
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
