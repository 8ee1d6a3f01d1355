// npm run bench:streams: messages of server streams, against connect-node and grpc-js.
import { fork } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { compare, keepBusy } from "../interleaved.ts";
import { isShort, machine, shown } from "../report.ts";
import type { Estimate } from "../statistics.ts";
import { balanced, connectNode, grpcJs, type Stream } from "./subjects.ts";

const isShortRun = isShort(
  "npm run bench:streams [-- --short]\n\n--short  one run of few rounds, which writes no RESULTS.md",
);

const RUNS = isShortRun ? 1 : 3;
const ROUNDS = isShortRun ? 8 : 30;
const SLICE_CPU_US = 150_000;
const STREAMS: readonly (Stream & { readonly name: string })[] = [
  { name: "100 messages of 14 bytes", messages: 100, characters: 10 },
  { name: "20 messages of 64 KB", messages: 20, characters: 65_536 },
];
const IN_FLIGHT = [1, 16];
/** ÷ connect-node, the upper end of the interval: balancing must not cost a stream more. */
const GOAL = 1.1;

const server = fork(fileURLToPath(new URL("../sessions/server.ts", import.meta.url)));
const [{ port }] = (await once(server, "message")) as [{ port: number }];

const lines: string[] = [
  "# Messages of server streams",
  "",
  "Written by `npm run bench:streams`. Server streams over real sockets on loopback, cleartext, from a connect-node server in a",
  "process of its own. CPU time of the client's process per message, and messages a second; ratios are taken within a round,",
  "median and 95 % bootstrap interval. A stream that lacks a message ends the benchmark. The goal is for the upper end of",
  "the interval.",
  "",
  `${machine()}; ${RUNS} runs of ${ROUNDS} rounds.`,
];
let met = true;
for (const stream of STREAMS) {
  for (const protocol of ["connect", "grpc"] as const) {
    lines.push("", `## ${stream.name}, ${protocol}`, "");
    lines.push("| streams | run | subject | µs a message | messages a second | ÷ connect-node | goal | |");
    lines.push("|---|---|---|---|---|---|---|---|");
    for (const inFlight of IN_FLIGHT) {
      for (let run = 1; run <= RUNS; run++) await measure(stream, protocol, inFlight, run);
    }
  }
}
if (!isShortRun) writeFileSync(new URL("RESULTS.md", import.meta.url), `${lines.join("\n")}\n`);
console.log(met ? "the goal is met" : "the goal is NOT met");
server.disconnect();

async function measure(stream: Stream, protocol: "connect" | "grpc", inFlight: number, run: number): Promise<void> {
  const subjects = [
    connectNode(protocol, port, stream),
    balanced(protocol, port, stream),
    ...(protocol === "grpc" ? [grpcJs(port, stream)] : []),
  ];
  const toCompare = subjects.map(({ name, read }) => ({
    name,
    run: (calls: number, concurrency: number) => keepBusy(calls, concurrency, read),
  }));
  for (const subject of await compare(toCompare, inFlight, ROUNDS, SLICE_CPU_US, 64)) {
    const isOurs = subject.name.startsWith("connect-lb");
    const ok = !isOurs || subject.ratio.high <= GOAL;
    met &&= ok;
    const cells = [inFlight, run, subject.name, shown(scaled(subject.cpuUs, 1 / stream.messages), 1)];
    cells.push(shown(scaled(subject.perSecond, stream.messages), 0), shown(subject.ratio, 2));
    cells.push(isOurs ? `≤ ${GOAL}` : "", isOurs ? (ok ? "met" : "**not met**") : "");
    lines.push(`| ${cells.join(" | ")} |`);
    console.log(protocol, lines.at(-1));
  }
  for (const subject of subjects) subject.close();
}

function scaled({ median, low, high }: Estimate, factor: number): Estimate {
  return { median: median * factor, low: low * factor, high: high * factor };
}
