// npm run bench:unary: the CPU time of a unary call, against grpc-js, connect-node and node:http2 itself.
import { execFile, fork } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Comparison, compare, keepBusy, ratioOf } from "../interleaved.ts";
import { isShort, machine, shown } from "../report.ts";
import { balanced, connectNode, grpcJs, rawHttp2, type UnarySubject, type Variant } from "./subjects.ts";

const isShortRun = isShort(
  "npm run bench:unary [-- --short]\n\n--short  one run of few rounds, which writes no RESULTS.md",
);

const RUNS = isShortRun ? 1 : 3;
const ROUNDS = isShortRun ? 8 : 40;
const SLICE_CPU_US = 100_000;
const IN_FLIGHT = [1, 16, 128] as const;
const VARIANTS: readonly Variant[] = [
  { name: "message only" },
  { name: "deadline", timeoutMs: 10_000 },
  { name: "one header", header: "Bearer 0123456789abcdef" },
  { name: "one interceptor", isIntercepted: true },
];

/** What the upper end of the interval may be, by calls in flight: ÷ grpc-js, and ÷ connect-node in rotation. */
const GOALS = {
  connect: { grpcJs: [0.7, 0.58, 0.6], connectNode: [0.58, 0.45, 0.48] },
  grpc: { grpcJs: [0.78, 0.66, 0.66], connectNode: undefined },
} as const;
/** What each of the other variants may add. */
const VARIANT_ADDS = 0.05;
/** KB of heap that a call by Connect may allocate. */
const HEAP_GOAL = 20;

const server = fork(fileURLToPath(new URL("server.ts", import.meta.url)));
const [{ ports }] = (await once(server, "message")) as [{ ports: number[] }];

const lines: string[] = [
  "# The CPU time of a unary call",
  "",
  "Written by `npm run bench:unary`. Unary calls over real sockets on loopback, cleartext, to four connect-node servers in a",
  "process of their own; a small message, binary. CPU time of the client's process per call, garbage collection and system",
  "calls included. All subjects run in one process, in turn; ratios are taken within a round, median and 95 % bootstrap",
  "interval. Every answer is compared with what was sent, so a call that fails ends the benchmark. The goals are for the",
  "upper end of the interval. `node:http2` raw makes requests without deadlines, errors or message objects.",
  "",
  `${machine()}; ${RUNS} runs of ${ROUNDS} rounds.`,
];
let met = true;
for (const variant of VARIANTS) {
  lines.push(
    "",
    `## ${variant.name[0]?.toUpperCase()}${variant.name.slice(1)}`,
    "",
    "| in flight | run | subject | µs | ÷ grpc-js | goal | ÷ connect-node | goal | |",
    "|---|---|---|---|---|---|---|---|---|",
  );
  for (const [level, inFlight] of IN_FLIGHT.entries()) {
    for (let run = 1; run <= RUNS; run++) await measure(variant, level, inFlight, run);
  }
}
await measureHeap();
if (!isShortRun) writeFileSync(new URL("RESULTS.md", import.meta.url), `${lines.join("\n")}\n`);
console.log(met ? "every goal is met" : "a goal is NOT met");
server.disconnect();

async function measure(variant: Variant, level: number, inFlight: number, run: number): Promise<void> {
  const allowance = variant === VARIANTS[0] ? 0 : VARIANT_ADDS;
  const subjects = [
    grpcJs(ports, variant),
    connectNode("connect", ports, variant),
    balanced("connect", ports, variant),
    balanced("grpc", ports, variant),
    ...(variant === VARIANTS[0] ? [rawHttp2(ports)] : []),
  ];
  const toCompare = subjects.map(({ name, call }) => ({
    name,
    run: (calls: number, concurrency: number) => keepBusy(calls, concurrency, call),
  }));
  const compared = await compare(toCompare, inFlight, ROUNDS, SLICE_CPU_US);
  const [, rotation] = compared as [Comparison, Comparison];
  for (const subject of compared) {
    const goals = subject.name.startsWith("connect-lb")
      ? GOALS[subject.name.endsWith("grpc") ? "grpc" : "connect"]
      : undefined;
    const grpcGoal = goals && goals.grpcJs[level]! + allowance;
    const nodeGoal = goals?.connectNode && goals.connectNode[level]! + allowance;
    const overNode = ratioOf(subject, rotation);
    const ok =
      (grpcGoal === undefined || subject.ratio.high <= grpcGoal) &&
      (nodeGoal === undefined || overNode.high <= nodeGoal);
    met &&= ok;
    const verdict = goals === undefined ? "" : ok ? "met" : "**not met**";
    const cells = [inFlight, run, subject.name, shown(subject.cpuUs, 1)];
    cells.push(shown(subject.ratio, 2), goal(grpcGoal), shown(overNode, 2), goal(nodeGoal), verdict);
    lines.push(`| ${cells.join(" | ")} |`);
    console.log(variant.name, lines.at(-1));
  }
  close(subjects);
}

/** In a process of its own, with a young generation that holds all calls of a round. */
async function measureHeap(): Promise<void> {
  lines.push("", "## Heap", "", "KB that a call allocates, median of nine rounds.", "");
  lines.push("| in flight | subject | KB | goal | |", "|---|---|---|---|---|");
  const flags = ["--expose-gc", "--min-semi-space-size=256", "--max-semi-space-size=256"];
  const file = fileURLToPath(new URL("heap.ts", import.meta.url));
  for (const inFlight of [1, 16]) {
    const { stdout } = await promisify(execFile)(process.execPath, [...flags, file, JSON.stringify([ports, inFlight])]);
    for (const [name, kilobytes] of Object.entries(JSON.parse(stdout) as Record<string, number>)) {
      const isOurs = name === "connect-lb, connect";
      const ok = !isOurs || kilobytes <= HEAP_GOAL;
      met &&= ok;
      const cells = [inFlight, name, kilobytes.toFixed(1), isOurs ? `≤ ${HEAP_GOAL}` : ""];
      lines.push(`| ${cells.join(" | ")} | ${isOurs ? (ok ? "met" : "**not met**") : ""} |`);
      console.log("heap", lines.at(-1));
    }
  }
}

function close(subjects: readonly UnarySubject[]): void {
  for (const subject of subjects) subject.close();
}

function goal(most: number | undefined): string {
  return most === undefined ? "" : `≤ ${most.toFixed(2)}`;
}
