// npm run bench:sessions: what the guard round HTTP/2 sessions costs a call over a real socket.
import { fork } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { endpointClient } from "../../test/support/endpoint-client.ts";
import { EchoService } from "../../test/support/gen/echo_pb.ts";
import { type Comparison, compare, keepBusy, type Subject } from "../interleaved.ts";
import { machine, shown } from "../report.ts";

const ROUNDS = 400;
const IN_FLIGHT = [1, 16];
const GOAL = 1.03;
/** Many short slices: over a socket the machine's moods are longer than a slice, and cancel out within a round. */
const SLICE_CPU_US = 60_000;

const server = fork(fileURLToPath(new URL("server.ts", import.meta.url)));
const [{ port }] = (await once(server, "message")) as [{ port: number }];

const baseUrl = `http://127.0.0.1:${port}`;
const theirs = createClient(
  EchoService,
  createConnectTransport({ baseUrl, httpVersion: "2", sessionManager: new Http2SessionManager(baseUrl) }),
);
const { client: ours, transport } = endpointClient({ port });
const request = { text: "hello" };
const never = new AbortController().signal;
const waiting = { signal: never, canRetry: true };
const subjects: Subject[] = [
  {
    name: "connect-node's manager",
    run: (calls, inFlight) => keepBusy(calls, inFlight, () => theirs.get(request)),
  },
  {
    name: "guarded sessions",
    run: (calls, inFlight) =>
      keepBusy(calls, inFlight, () => {
        // As before every call of the balanced transport.
        const connecting = transport.connect?.(Date.now(), waiting);
        return connecting === undefined ? ours.get(request) : connecting.then(() => ours.get(request));
      }),
  },
];

const lines: string[] = [
  "# What the guard round HTTP/2 sessions costs",
  "",
  "Written by `npm run bench:sessions`. Unary calls over a real socket on loopback, to a connect-node server in a process of",
  "its own, through the same connect-node transport: with connect-node's own session manager, and with this library's",
  "sessions, the look at the connection before each call included. CPU time of the client's process per call; ratios within a",
  "round, median and 95 % bootstrap interval. The goal is for the upper end of the interval.",
  "",
  `${machine()}; ${ROUNDS} interleaved rounds.`,
  "",
  "| in flight | connect-node's manager µs | guarded sessions µs | ratio | goal | |",
  "|---|---|---|---|---|---|",
];
let met = true;
for (const inFlight of IN_FLIGHT) {
  const [base, guarded] = (await compare(subjects, inFlight, ROUNDS, SLICE_CPU_US)) as [Comparison, Comparison];
  const ok = guarded.ratio.high <= GOAL;
  met &&= ok;
  const cells = [inFlight, shown(base.cpuUs, 1), shown(guarded.cpuUs, 1), shown(guarded.ratio, 3), `≤ ${GOAL}`];
  lines.push(`| ${cells.join(" | ")} | ${ok ? "met" : "**not met**"} |`);
  console.log(lines.at(-1));
}
writeFileSync(new URL("RESULTS.md", import.meta.url), `${lines.join("\n")}\n`);
console.log(met ? "the goal is met" : "the goal is NOT met");
server.disconnect();
