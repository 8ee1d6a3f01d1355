import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import net from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { ask } from "../raw-query.ts";
import { READY } from "../zones.ts";
import type { Program } from "./program.ts";

/** A real DNS server on a free loopback port. One that is not installed makes the test fail, not skip. */
export interface RealServer<Data> {
  readonly name: string;
  readonly port: number;
  /** "127.0.0.1:PORT" */
  readonly address: string;
  /** From now on it answers from other data; `up()` does, too. Does not wait until it does. */
  change(data: Data): Promise<void>;
  /** Ends it, as a crash does. */
  down(): Promise<void>;
  /** Starts it again, on the same port. */
  up(): Promise<void>;
  stop(): Promise<void>;
}

/** Debian keeps daemons where the PATH of a user may not lead. */
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
const READY_WITHIN_MS = 10_000;

/** @param readyName has an address once the server is ready. */
export async function startServer<Data>(
  program: Program<Data>,
  data: Data,
  readyName = READY,
): Promise<RealServer<Data>> {
  const directory = await mkdtemp(join(tmpdir(), `${program.command}-`));
  const port = await freePort();
  const command = program.command === "coredns" ? await goTool("coredns") : program.command;
  let child: ChildProcess | undefined;

  const configure = async (current: Data) => {
    const place = { directory, port, user: userInfo().username };
    const { args, files, folders = [] } = program.configure(place, current);
    for (const folder of folders) await mkdir(join(directory, folder), { recursive: true });
    for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content);
    return args;
  };
  let args = await configure(data);
  const up = async () => {
    child = await start(command, args, port, readyName, program);
  };
  const down = async () => {
    if (child) await end(child);
  };
  try {
    await up();
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
  return {
    name: program.name,
    port,
    address: `127.0.0.1:${port}`,
    down,
    up,
    async change(current) {
      args = await configure(current);
      if (program.reload === "SIGHUP") child?.kill("SIGHUP");
      if (program.reload !== undefined) return;
      await down();
      await up();
    },
    async stop() {
      await down();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function start(
  command: string,
  args: readonly string[],
  port: number,
  readyName: string,
  { debianPackage }: Program<never>,
): Promise<ChildProcess> {
  const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      output = (output + chunk).slice(-10_000);
    });
  }
  const hint = `this test needs ${command} (Debian package ${debianPackage})`;
  const failed = new Promise<never>((_, reject) => {
    child.once("error", (error) => reject(new Error(`${hint}: ${error.message}`)));
    child.once("exit", (code) => reject(new Error(`${hint}; it ended with code ${code}: ${output}`)));
  });
  failed.catch(() => {});
  const stopped = new AbortController();
  try {
    await Promise.race([answers(port, readyName, stopped.signal), failed]);
    return child;
  } catch (error) {
    stopped.abort();
    await end(child);
    throw new Error(`${command} does not answer: ${output}`, { cause: error });
  }
}

/** There is nothing that they should save, and some wait for others before they end. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

async function answers(port: number, name: string, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS;
  for (;;) {
    const answer = await ask(port, { name, type: "A" }, { waitMs: 250 }).catch(() => undefined);
    if (answer?.rcode === "NOERROR" && answer.answers?.length) return;
    if (signal.aborted || Date.now() > deadline) throw new Error(`no address of ${name}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function goTool(name: string): Promise<string> {
  const { stdout } = await promisify(execFile)(".ci/go-tool", [name]);
  return stdout.trim();
}

const taken = new Set<number>();

/** Free for TCP; DNS servers bind UDP beside it. Some share a port without a word, so none is given out twice. */
async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, "close");
  if (taken.has(port)) return freePort();
  taken.add(port);
  return port;
}
