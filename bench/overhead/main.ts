// npm run bench:overhead: what the balanced transport adds to a warm unary call.
import { writeFileSync } from "node:fs";
import { createClient, type Transport } from "@connectrpc/connect";
import { createBalancedTransport } from "../../src/node.ts";
import { EchoService } from "../../test/support/gen/echo_pb.ts";
import { type Comparison, compare, keepBusy, type Subject } from "../interleaved.ts";
import { machine, shown } from "../report.ts";
import { inMemoryTransport } from "./in-memory.ts";
import { pickCost } from "./pick.ts";

const ENDPOINTS = 4;
const RUNS = 3;
const ROUNDS = 40;
/** µs that the wrapper may add, by calls in flight. */
const GOALS = new Map([
  [1, 1],
  [16, 1],
  [1_024, 2.5],
]);
const PICK_GOAL_NS = 400;

function subject(name: string, transport: Transport): Subject {
  const client = createClient(EchoService, transport);
  return { name, run: (calls, concurrency) => keepBusy(calls, concurrency, () => client.get({ text: "hello" })) };
}

function rotation(transports: readonly Transport[]): Transport {
  let turn = 0;
  const next = () => transports[turn++ % transports.length] as Transport;
  return { unary: (...call) => next().unary(...call), stream: (...call) => next().stream(...call) };
}

const transports = Array.from({ length: ENDPOINTS }, inMemoryTransport);
let opened = 0;
const balanced = createBalancedTransport({
  target: `static:///${transports.map((_, i) => `10.0.0.${i + 1}:8080`).join(",")}`,
  tls: false,
  createEndpointTransport: () => transports[opened++ % ENDPOINTS] as Transport,
});
const subjects = [subject("rotation", rotation(transports)), subject("balanced", balanced)];

const lines: string[] = [
  "# What the balanced transport adds to a warm unary call",
  "",
  "Written by `npm run bench:overhead`. In memory: Connect's own unary path round a canned answer, so that a microsecond",
  `shows. Both sides use the same ${ENDPOINTS} transports; "rotation" takes them in turn and does nothing else. CPU time per call,`,
  "differences within a round, median and 95 % bootstrap interval; the whole measurement is run three times.",
  "",
  `${machine()}; ${RUNS} runs of ${ROUNDS} rounds.`,
  "",
  "| in flight | run | rotation µs | balanced µs | added µs | ratio | goal µs | |",
  "|---|---|---|---|---|---|---|---|",
];
let met = true;
for (const [concurrency, goal] of GOALS) {
  for (let run = 1; run <= RUNS; run++) {
    const [base, ours] = (await compare(subjects, concurrency, ROUNDS)) as [Comparison, Comparison];
    const ok = ours.extraUs.median <= goal;
    met &&= ok;
    const cells = [
      concurrency,
      run,
      shown(base.cpuUs, 2),
      shown(ours.cpuUs, 2),
      shown(ours.extraUs, 2),
      shown(ours.ratio, 2),
      `≤ ${goal}`,
    ];
    lines.push(`| ${cells.join(" | ")} | ${ok ? "met" : "**not met**"} |`);
    console.log(lines.at(-1));
  }
}
lines.push(
  "",
  "A pick with its bookkeeping (view, choice, slot, breaker's count), ns:",
  "",
  "| endpoints | ns | goal | |",
  "|---|---|---|---|",
);
for (const endpoints of [4, 10, 100, 1_000, 10_000]) {
  const ns = pickCost(endpoints);
  const ok = ns <= PICK_GOAL_NS;
  met &&= ok;
  lines.push(`| ${endpoints} | ${ns.toFixed(0)} | ≤ ${PICK_GOAL_NS} | ${ok ? "met" : "**not met**"} |`);
  console.log(lines.at(-1));
}
writeFileSync(new URL("RESULTS.md", import.meta.url), `${lines.join("\n")}\n`);
console.log(met ? "every goal is met" : "a goal is NOT met");
