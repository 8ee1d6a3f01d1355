// Chaos: six server processes that are killed, frozen, reset, told to leave and replaced at random, while three clients
// call them. `npm run test:chaos` runs for a minute; `npm run test:chaos -- 600 7`: ten minutes, with the seed 7.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { startDnsServer } from "../../examples/demo/dns-server.ts";
import { type BalancedTransportOptions, createBalancedTransport } from "../../src/node.ts";
import { createTestAuthority } from "../support/certificates.ts";
import { collectGarbage } from "../support/collect-garbage.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { type CallRecord, call, KINDS, TIMEOUT_MS } from "./calls.ts";
import { Fleet, SERVICES } from "./fleet.ts";

const [seconds = 60, seed = Math.floor(Math.random() * 1e6)] = process.argv.slice(2).map(Number);
/** Calls of each kind, of each client. */
const CALLS_PER_SECOND = 20;
const TROUBLE_EVERY_MS = [200, 900] as const;
/** What a deadline may be passed by, besides the delay of the client's event loop. */
const LATE_MS = 250;

/** Mulberry32: numbers that a seed gives again. */
function randomOf(seedOfRun: number): () => number {
  let state = seedOfRun;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const random = randomOf(seed);
const uncaught: unknown[] = [];
const onUncaught = (error: unknown) => uncaught.push(error);
process.on("uncaughtException", onUncaught).on("unhandledRejection", onUncaught);

const folder = mkdtempSync(join(tmpdir(), "connect-lb-chaos-"));
const authority = await createTestAuthority();
const dns = await startDnsServer();
const fleet = new Fleet(dns, folder, await authority.server({ dns: ["chaos.test"] }), random);
await fleet.start();

const [tls, h2c, h1] = SERVICES.map((service) => `srv://${dns.address}/${service}`) as [string, string, string];
const clients: Record<string, BalancedTransportOptions> = {
  "Connect over HTTP/2 and TLS": { target: tls, tls: { ca: authority.ca } },
  "gRPC over HTTP/2": { target: h2c, tls: false, protocol: "grpc" },
  "Connect over HTTP/1.1": { target: h1, tls: false, httpVersion: "1.1", attemptTimeoutMs: 1_000 },
};

/** How late this process's event loop was, as [from, to, ms]. */
const delays: (readonly [number, number, number])[] = [];
let lastBeat = performance.now();
const beat = setInterval(() => {
  const now = performance.now();
  if (now - lastBeat > 60) delays.push([lastBeat, now, now - lastBeat - 10]);
  lastBeat = now;
}, 10);
const delayBetween = (from: number, to: number): number =>
  delays.reduce((sum, [start, end, ms]) => (start < to && end > from ? sum + ms : sum), 0);

const transports = Object.entries(clients).map(([name, options]) => {
  const transport = createBalancedTransport(options);
  return { name, transport, client: createClient(EchoService, transport), records: [] as CallRecord[] };
});
const running = new Map<Promise<void>, string>();
let number = 0;
const calling = setInterval(() => {
  for (const { name, client, records } of transports) {
    for (const kind of KINDS) {
      const id = `${kind}-${number++}`;
      const one = call(client, kind, id).then((record) => {
        records.push(record);
        running.delete(one);
      });
      running.set(one, `${id} of ${name}`);
    }
  }
}, 1_000 / CALLS_PER_SECOND);

const endsAt = performance.now() + seconds * 1_000;
const heaps: number[] = [];
const measuring = setInterval(() => heaps.push(process.memoryUsage().heapUsed), 1_000);
while (performance.now() < endsAt) {
  const [least, most] = TROUBLE_EVERY_MS;
  await new Promise((resolve) => setTimeout(resolve, least + random() * (most - least)));
  fleet.trouble();
}
for (const interval of [calling, measuring]) clearInterval(interval);
const patience = new Promise((resolve) => setTimeout(resolve, 2 * TIMEOUT_MS));
await Promise.race([Promise.all(running.keys()), patience]);
clearInterval(beat);

// From here on, an error is one of this program.
process.off("uncaughtException", onUncaught).off("unhandledRejection", onUncaught);
const executions = fleet.executions();
const problems: string[] = [];
const count = (name: string, records: readonly CallRecord[]): void => {
  if (records.length > 0) problems.push(`${name}: ${records.length}`);
  for (const { id, startedAt, endedAt, failure } of records.slice(0, 10)) {
    const ms = Math.round(endedAt - startedAt);
    problems.push(`  ${id}: ${failure?.code ?? "ok"} after ${ms} ms, executed ${executions.get(id) ?? 0} times`);
    for (const attempt of failure?.attempts ?? []) problems.push(`    ${attempt}`);
  }
};

console.log(`seed ${seed}, ${seconds} s; done to servers: ${JSON.stringify(fleet.deeds)}`);
console.log("| client | kind | calls | failed | executed twice or more |");
console.log("|---|---|---|---|---|");
for (const { name, records, transport } of transports) {
  for (const kind of KINDS) {
    const ofKind = records.filter((record) => record.kind === kind);
    const failed = ofKind.filter(({ failure }) => failure !== undefined);
    const repeated = ofKind.filter(({ id }) => (executions.get(id) ?? 0) > 1);
    console.log(`| ${name} | ${kind} | ${ofKind.length} | ${failed.length} | ${repeated.length} |`);
    if (kind === "get") count(`${name}: failed idempotent calls`, failed);
    else count(`${name}: executed twice, although they may not be`, repeated);
    const late = ofKind.filter(
      ({ startedAt, endedAt }) => endedAt - startedAt > TIMEOUT_MS + LATE_MS + delayBetween(startedAt, endedAt),
    );
    count(`${name}: ended late`, late);
  }
  const held = transport.snapshot().endpoints.filter(({ inFlight }) => inFlight !== 0);
  if (held.length > 0) problems.push(`${name}: slots held: ${JSON.stringify(held)}`);
  transport.close();
}
if (running.size > 0) problems.push(`never ended: ${[...running.values()].join(", ")}`);
if (uncaught.length > 0) problems.push(`uncaught: ${uncaught.length}`, ...uncaught.slice(0, 5).map(String));
const worstDelay = Math.max(0, ...delays.map(([, , ms]) => ms));
console.log(`the clients' event loop was late by ${Math.round(worstDelay)} ms at most`);

await fleet.stop();
await dns.close();
rmSync(folder, { recursive: true });
transports.length = 0;
await collectGarbage();
const heapMb = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
console.log(`heap at the end: ${heapMb(process.memoryUsage().heapUsed)} MB; at most ${heapMb(Math.max(...heaps))} MB`);
for (const problem of problems) console.log(problem);
console.log(problems.length === 0 ? "nothing was lost" : "something is NOT as it should be");
// Whatever hangs must not hold the process.
process.exit(problems.length === 0 ? 0 : 1);
