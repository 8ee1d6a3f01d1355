import { spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { startDnsServer } from "../../examples/demo/dns-server.ts";
import { track } from "../../examples/demo/fleet.ts";
import { type FaultyRelay, startFaultyRelay } from "../support/faulty-relay.ts";
import { Gate } from "../support/in-parallel.ts";
import { type EchoServer, startEchoServer } from "../support/servers.ts";
import { type Cell, type Fault, freezes, limits, nameOf, ONE_WAY_MS, wires } from "./cells.ts";
import type { CallResult, ClientArguments } from "./frozen-client.ts";

/** The first call after a thaw. Counts are what it added, as the relay, the DNS server and the servers saw it. */
export interface TrialResult {
  /** "ok", the code that the user sees, or "crash". */
  readonly outcome: string;
  /** What the error or the crashing process said. */
  readonly message: string;
  readonly connects: number;
  readonly flights: number;
  readonly lookUps: number;
  readonly executions: number;
  /** Undefined where the process crashed before the call ended. */
  readonly latencyMs: number | undefined;
}

/** A client whose process is frozen. */
export interface Subject {
  /** Its program, bundled. */
  readonly script: string;
  readonly pings: boolean;
}

const NAME = "_grpc._tcp.users.test";
const TRIES = 4;
/** After the call, for what may still crash the process. */
const AFTERMATH_MS = 60;
/** Until a signal has been obeyed. */
const SIGNAL_MS = 20;
/** More processes that start together would miss their deadlines. */
const starts = new Gate(availableParallelism() + 1);

/** Freezes a real process once, and again if the machine was too busy for the trial to be what it should. */
export async function runTrial(subject: Subject, cell: Cell): Promise<TrialResult> {
  for (let tries = 1; ; tries++) {
    const result = await tryOnce(subject, cell);
    if (typeof result !== "string") return result;
    if (tries === TRIES) throw new Error(`${nameOf(cell)}: ${result} in each of ${tries} trials`);
  }
}

/** Resolves to the reason if the trial does not count. */
async function tryOnce({ script, pings }: Subject, cell: Cell): Promise<TrialResult | string> {
  const { freeze, kind, wire } = cell;
  await using scene = await startScene(cell);
  const dnsServer = scene.dns.address;
  const baseUrl = `http://127.0.0.1:${scene.relays[0]?.port}`;
  const defaults = freeze === "defaults";
  const args: ClientArguments = { wire, kind, baseUrl, dnsServer, name: NAME, defaults, pings };
  using client = await starts.through(() => startClient(script, args));
  if (!client.ready) return `the warm calls failed (${client.stderr})`;

  client.process.kill("SIGSTOP");
  await sleep(SIGNAL_MS);
  const before = scene.counts();
  await scene.happen(cell.fault);
  await sleep(freezes[freeze].ms - SIGNAL_MS);
  // In a Lambda, too, the event is there when the process thaws.
  client.process.stdin.write("call\n");
  client.process.kill("SIGCONT");

  const said = (await client.next()) as CallResult | undefined;
  const after = scene.counts();
  await sleep(AFTERMATH_MS);
  client.process.stdin.end("end\n");
  await client.exited;
  const [atLeastMs, belowMs] = freezes[freeze].idle;
  if (said !== undefined && (said.idleMs < atLeastMs || said.idleMs >= belowMs)) return `idle for ${said.idleMs} ms`;
  const crashed = client.process.exitCode !== 0;
  return {
    outcome: crashed || said === undefined ? "crash" : said.outcome,
    message: crashed ? client.stderr : (said?.message ?? ""),
    connects: after.connects - before.connects,
    flights: after.flights - before.flights,
    lookUps: after.lookUps - before.lookUps,
    executions: after.executions - before.executions,
    latencyMs: said?.latencyMs,
  };
}

/** Settles when it has made its warm calls. */
async function startClient(script: string, args: ClientArguments) {
  const child = spawn(process.execPath, [script, JSON.stringify(args)], {
    env: { ...process.env, NODE_COMPILE_CACHE: dirname(script) },
  });
  track(child);
  const exited = once(child, "exit");
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  child.stdin.on("error", () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  /** The next thing that it says; undefined if it has ended. */
  const next = async (): Promise<object | undefined> => {
    const { value, done } = await lines.next();
    return done ? undefined : JSON.parse(value);
  };
  const ready = (await next()) !== undefined;
  if (!ready) await exited;
  return {
    process: child,
    exited,
    ready,
    next,
    get stderr() {
      return stderr;
    },
    [Symbol.dispose]: () => void child.kill("SIGKILL"),
  };
}

/** A DNS server, a server that it names, and the relay between it and the client. */
async function startScene(cell: Cell) {
  const { httpVersion } = wires[cell.wire];
  const dns = await startDnsServer();
  const servers: EchoServer[] = [];
  const relays: FaultyRelay[] = [];
  const publish = async () => {
    const server = await startEchoServer({ httpVersion });
    const relay = await startFaultyRelay(server);
    relay.delayMs = ONE_WAY_MS;
    servers.push(server);
    relays.push(relay);
    dns.srv(NAME, [{ target: "one.users.test", port: relay.port, address: "127.0.0.1" }], limits.ttlSeconds);
  };
  await publish();
  const [server] = servers as [EchoServer];
  const [relay] = relays as [FaultyRelay];
  const happen: Record<Fault, () => Promise<void> | void> = {
    nothing: () => {},
    FIN: () => relay.fin(),
    RST: () => relay.reset(),
    "RST on first write": () => relay.resetOnData(),
    "silent drop": () => relay.silence(),
    "GOAWAY and FIN": () => server.drain(),
    "GOAWAY without close": () => server.goaway(),
    async "server replaced"() {
      server.kill();
      await relay.refuse();
      await publish();
    },
  };
  const sum = <T>(all: readonly T[], count: (one: T) => number) => all.reduce((total, one) => total + count(one), 0);
  return {
    dns,
    relays,
    happen: (fault: Fault) => happen[fault](),
    counts: () => ({
      connects: sum(relays, ({ connections }) => connections),
      flights: sum(relays, ({ flights }) => flights),
      lookUps: dns.queries,
      executions: sum(servers, ({ calls }) => calls),
    }),
    async [Symbol.asyncDispose]() {
      for (const one of relays) await one[Symbol.asyncDispose]();
      for (const one of servers) one.kill();
      await dns.close();
    },
  };
}
