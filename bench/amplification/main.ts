// npm run bench:amplification: what outages make of the load on the servers, and how many calls fail.
import { writeFileSync } from "node:fs";
import { createClient } from "@connectrpc/connect";
import { createBalancedTransport } from "../../src/node.ts";
import { EchoService } from "../../test/support/gen/echo_pb.ts";
import { machine } from "../report.ts";
import { type Behaviour, behaviours, startServers } from "./servers.ts";

interface Scenario {
  readonly name: string;
  readonly servers: number;
  readonly clients: number;
  /** Good calls of each client before. */
  readonly before: number;
  /** Of each client. */
  readonly calls: number;
  readonly inFlight: number;
  /** From when on: servers that are killed, with the calls in flight; or what all of them do. */
  readonly kill?: number;
  readonly behaviour?: Behaviour;
  /** Calls may fail at most, and executions ÷ calls be at most; undefined where there is no goal. */
  readonly mostFailed?: number;
  readonly mostExecutions?: number;
}

/** Thirty clients, each with as many calls as the promise of `docs/DECISIONS.md` is for. */
const fleet = { servers: 3, clients: 30, before: 20, calls: 40, inFlight: 10 };

const scenarios: readonly Scenario[] = [
  ...[9, 30, 90, 300].map((inFlight) => ({
    name: `one of three killed, ${inFlight} calls in flight`,
    ...{ servers: 3, clients: 1, before: 3_000, calls: inFlight, inFlight, kill: 1, mostFailed: 0 },
  })),
  { name: "two of four killed at once", ...fleet, servers: 4, calls: 10, kill: 2, mostFailed: 0 },
  { name: "total outage: all unavailable", ...fleet, behaviour: behaviours.unavailable, mostExecutions: 1.25 },
  { name: "brown-out: half unavailable", ...fleet, behaviour: behaviours.halfUnavailable },
  { name: "a tenth unavailable", ...fleet, behaviour: behaviours.tenthUnavailable },
  { name: "all refused (REFUSED_STREAM)", ...fleet, behaviour: behaviours.refuses },
  { name: "all pushed back (retry-after: 1)", ...fleet, behaviour: behaviours.pushesBack },
];

const lines = [
  "# What outages make of the load",
  "",
  "Written by `npm run bench:amplification`. Real servers and clients over HTTP/2 in one process; the calls may be repeated.",
  "Each client has made good calls before. Executions are requests that reached a server and were read, in the calls of the",
  "scenario; with a server killed, those that it took along are among them.",
  "",
  `${machine()}.`,
  "",
  "| scenario | clients | calls | failed | executions ÷ calls | goal | |",
  "|---|---|---|---|---|---|---|",
];
let met = true;
for (const scenario of scenarios) {
  const { calls, failed, executions } = await run(scenario);
  const { mostFailed, mostExecutions, clients, name } = scenario;
  const ratio = executions / calls;
  const goals = [
    ...(mostFailed === undefined ? [] : [`${mostFailed} failed`]),
    ...(mostExecutions === undefined ? [] : [`≤ ${mostExecutions} ×`]),
  ];
  const isMet = failed <= (mostFailed ?? calls) && ratio <= (mostExecutions ?? Number.POSITIVE_INFINITY);
  met &&= isMet;
  const verdict = goals.length === 0 ? "" : isMet ? "met" : "**not met**";
  lines.push(`| ${[name, clients, calls, failed, ratio.toFixed(2), goals.join(", "), verdict].join(" | ")} |`);
  console.log(lines.at(-1));
}
writeFileSync(new URL("RESULTS.md", import.meta.url), `${lines.join("\n")}\n`);
console.log(met ? "the goals are met" : "a goal is NOT met");

async function run(scenario: Scenario): Promise<{ calls: number; failed: number; executions: number }> {
  using fleetOfServers = await startServers(scenario.servers);
  const { servers } = fleetOfServers;
  const target = `static:///${servers.map(({ port }) => `127.0.0.1:${port}`).join(",")}`;
  const transports = Array.from({ length: scenario.clients }, () => createBalancedTransport({ target, tls: false }));
  const clients = transports.map((transport) => createClient(EchoService, transport));
  let failed = 0;
  const callAll = (count: number): Promise<unknown> =>
    Promise.all(
      clients.flatMap((client) => {
        let left = count;
        const lane = async (): Promise<void> => {
          while (left-- > 0) await client.get({}).catch(() => failed++);
        };
        return Array.from({ length: Math.min(scenario.inFlight, count) }, lane);
      }),
    );
  await callAll(scenario.before);
  const before = fleetOfServers.requests;
  failed = 0;
  fleetOfServers.behave(scenario.behaviour ?? behaviours.slow);
  const running = callAll(scenario.calls);
  if (scenario.kill !== undefined) {
    // When all that is on its way has been read, and nothing has been answered.
    const inFlight = scenario.clients * Math.min(scenario.inFlight, scenario.calls);
    while (fleetOfServers.requests - before < inFlight) await new Promise((resolve) => setImmediate(resolve));
    for (const server of servers.slice(0, scenario.kill)) server[Symbol.dispose]();
  }
  await running;
  for (const transport of transports) transport.close();
  return { calls: scenario.calls * scenario.clients, failed, executions: fleetOfServers.requests - before };
}
