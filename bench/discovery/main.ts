// npm run bench:discovery: DNS SRV, Consul's DNS and Consul's HTTP API compared, by what a client sees of them.
import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type EchoServer, startEchoServer } from "../../test/support/servers.ts";
import { machine, shown } from "../report.ts";
import { estimate } from "../statistics.ts";
import { startCoreDns } from "./coredns.ts";
import { timeLookUps } from "./look-ups.ts";
import { type Instance, type Registry, startConsul } from "./registry.ts";
import { CALLS_PER_SECOND, Traffic } from "./traffic.ts";

const SIZES = [3, 20, 100];
const LOOK_UPS = 400;
const QUIET_SECONDS = 40;
const ROUNDS = 5;
/** Two TTLs, in which every client has asked again. */
const SETTLE_MS = 10_000;

const SHARE_LIMIT_MS = 15_000;

await using consul = await startConsul();
await using coredns = await startCoreDns();
const registries: readonly Registry[] = [coredns, consul.dns, consul.http];
const setAll = (service: string, instances: readonly Instance[]) =>
  Promise.all(registries.map((registry) => registry.set(service, instances)));

const rows: string[][] = [];
const addRow = (...cells: string[]) => {
  rows.push(cells);
  console.log(cells.join(" | "));
};

for (const size of SIZES) {
  const instances = Array.from({ length: size }, (_, i) => ({ name: `i${i}`, address: `127.9.0.${i + 1}`, port: 80 }));
  await setAll(`of-${size}`, instances);
  await sleep(2_000);
  const times = await timeLookUps(registries, `of-${size}`, size, LOOK_UPS);
  addRow(`a look-up of ${size} instances, ms`, ...times.map(({ ms }) => shown(ms, 2)));
  addRow("... 99th percentile, ms", ...times.map(({ p99Ms }) => p99Ms.toFixed(2)));
  addRow("... ratio to DNS SRV", ...times.map(({ ratio }) => shown(ratio, 2)));
}

const start = (name: string, port?: number) =>
  startEchoServer({ name, httpVersion: "2", ...(port !== undefined && { port }) });
const servers: EchoServer[] = await Promise.all(["a", "b", "c", "d"].map((name) => start(name)));
const listed = () => servers.map(({ name, address, port }) => ({ name, address, port }));
await setAll("users", listed());
await sleep(2_000);
const traffic = registries.map((registry) => new Traffic(registry.target("users")));

await sleep(2_000);
const before = traffic.map(({ questions }) => questions);
await sleep(QUIET_SECONDS * 1_000);
const perMinute = traffic.map(({ questions }, i) => ((questions - (before[i] as number)) * 60) / QUIET_SECONDS);

const taken: number[][] = registries.map(() => []);
const given: number[][] = registries.map(() => []);
const crashed: { attempts: number; lastMs: number }[][] = registries.map(() => []);
for (let round = 0; round < ROUNDS; round++) {
  // Any moment of the TTL.
  await sleep(Math.random() * 5_000);
  const last = servers.at(-1) as EchoServer;
  await setAll("users", listed().slice(0, -1));
  const takenAt = performance.now();
  await sleep(SETTLE_MS);
  for (const [i, client] of traffic.entries()) taken[i]?.push(client.lastCallMs(last.name, takenAt));

  await setAll("users", listed());
  const givenAt = performance.now();
  await sleep(SHARE_LIMIT_MS);
  for (const [i, client] of traffic.entries()) {
    given[i]?.push(Math.min(SHARE_LIMIT_MS, client.shareMs(last.name, 1 / servers.length, givenAt)));
  }

  last.kill();
  const crashedAt = performance.now();
  await sleep(SETTLE_MS);
  for (const [i, client] of traffic.entries()) crashed[i]?.push(client.missed(last.port, crashedAt));
  servers[servers.length - 1] = await start(last.name, last.port);
  await sleep(SETTLE_MS);
}
await Promise.all(traffic.map((client) => client.stop()));
for (const server of servers) server.kill();

addRow("an instance is taken out: its last call after, s", ...taken.map(seconds));
addRow("a new instance: its share after, s", ...given.map(seconds));
addRow(
  "an instance crashes: attempts at it that were refused, and retried",
  ...crashed.map((rounds) => shown(estimate(rounds.map(({ attempts }) => attempts)), 0)),
);
addRow("... the last one after, s", ...crashed.map((rounds) => seconds(rounds.map(({ lastMs }) => lastMs))));
addRow("calls that failed, all rounds together", ...traffic.map(({ failed }) => `${failed}`));
addRow(
  `questions per process and minute, at ${CALLS_PER_SECOND} calls/s`,
  ...perMinute.map((count) => count.toFixed(0)),
);

const lines = [
  "# Finding servers: DNS SRV, Consul's DNS, Consul's HTTP API",
  "",
  "Written by `npm run bench:discovery`. A real CoreDNS (zone file, TTL 5 s, looked at every second) and a real Consul",
  "agent (defaults: TTL 0, raised to 5 s; a TCP check every second), one client of each, all at the same time, with the",
  `options' defaults and ${CALLS_PER_SECOND} calls/s over four instances. Median and 95 % bootstrap interval.`,
  "",
  `${machine()}; ${LOOK_UPS} look-ups of each kind in shuffled rounds, ${ROUNDS} rounds of changes.`,
  "",
  `| | ${registries.map(({ name }) => name).join(" | ")} |`,
  "|---|---|---|---|",
  ...rows.map((cells) => `| ${cells.join(" | ")} |`),
  "",
  "- A look-up is what a transport does once per TTL, a connection of its own included (DNS SRV asks over UDP, and over",
  "  TCP where the answer is too long; Consul's DNS always over TCP).",
  `- Taken out: the record is removed, or the instance deregistered. Crashed: its port is closed; in the ${SETTLE_MS / 1_000} s`,
  "  that are looked at, Consul's check takes it out, while its SRV record stays, and only the client's own breaker",
  `  keeps calls away. New: in the registry until it has had 80 % of its share for a second, ${SHARE_LIMIT_MS / 1_000} s where it`,
  "  never had.",
];
writeFileSync(new URL("RESULTS.md", import.meta.url), `${lines.join("\n")}\n`);

function seconds(ms: readonly number[]): string {
  return shown(estimate(ms.map((one) => one / 1_000)), 1);
}
