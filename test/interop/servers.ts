import { type ChildProcess, execFile, spawn } from "node:child_process";
import { Resolver } from "node:dns/promises";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import net from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

/** A real DNS server on a free loopback port. A server that is not installed makes the test fail, not skip. */
export interface RealServer {
  /** "127.0.0.1:PORT" */
  readonly address: string;
  stop(): Promise<void>;
}

export interface Knot extends RealServer {
  /** Changes the zone while it runs: `zone-set`'s and `zone-unset`'s arguments after the zone. */
  change(...edits: ["set" | "unset", ...string[]][]): Promise<void>;
}

/** Debian keeps daemons where the PATH of a user may not lead. */
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };

/** Every server here answers for this zone, and for this name once it is ready. */
export const ZONE = "svc.test";
const READY = `ready.${ZONE}`;

/** Knot DNS (Debian: knot) with the records of a zone file; owners are relative to `svc.test`. */
export async function startKnot(records: string): Promise<Knot> {
  const directory = await mkdtemp(join(tmpdir(), "knot-"));
  const port = await freePort();
  await mkdir(join(directory, "db"));
  await writeFile(
    join(directory, `${ZONE}.zone`),
    `$ORIGIN ${ZONE}.\n$TTL 30\n@ SOA ns admin 1 3600 600 86400 5\n@ NS ns\nns A 127.0.0.1\nready A 127.0.0.1\n${records}\n`,
  );
  await writeFile(
    join(directory, "knot.conf"),
    `server:
    listen: 127.0.0.1@${port}
    rundir: ${directory}
    user: ${userInfo().username}
database:
    storage: ${join(directory, "db")}
log:
  - target: stderr
    any: warning
zone:
  - domain: ${ZONE}
    storage: ${directory}
    file: ${ZONE}.zone
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: none
`,
  );
  const server = await start("knotd", ["-c", join(directory, "knot.conf")], port, directory, "knot");
  const knotc = (...args: string[]) =>
    promisify(execFile)("knotc", ["-s", join(directory, "knot.sock"), ...args], { env });
  return {
    ...server,
    async change(...edits) {
      await knotc("zone-begin", ZONE);
      for (const [edit, ...args] of edits) await knotc(`zone-${edit}`, ZONE, ...args);
      await knotc("zone-commit", ZONE);
    },
  };
}

/** dnsmasq (Debian: dnsmasq-base) with lines of its configuration; `port` to start one again in another's place. */
export async function startDnsmasq(lines: readonly string[], port?: number): Promise<RealServer & { port: number }> {
  const directory = await mkdtemp(join(tmpdir(), "dnsmasq-"));
  const chosen = port ?? (await freePort());
  const settings = [
    `port=${chosen}`,
    "listen-address=127.0.0.1",
    "bind-interfaces",
    "no-resolv",
    "no-hosts",
    "no-daemon",
    "pid-file=",
    `user=${userInfo().username}`,
    `local=/${ZONE}/`,
    "local-ttl=30",
    `host-record=${READY},127.0.0.1`,
  ];
  const file = join(directory, "dnsmasq.conf");
  await writeFile(file, `${[...settings, ...lines].join("\n")}\n`);
  const server = await start("dnsmasq", [`--conf-file=${file}`], chosen, directory, "dnsmasq-base");
  return { ...server, port: chosen };
}

async function start(
  command: string,
  args: string[],
  port: number,
  directory: string,
  debianPackage: string,
): Promise<RealServer> {
  const child = spawn(command, args, { env, stdio: ["ignore", "ignore", "pipe"] });
  let output = "";
  child.stderr.on("data", (chunk) => {
    output += chunk;
  });
  const failed = new Promise<never>((_, reject) => {
    const hint = `this test needs ${command} (Debian package ${debianPackage})`;
    child.once("error", (error) => reject(new Error(`${hint}: ${error.message}`)));
    child.once("exit", (code) => reject(new Error(`${hint}; it ended with code ${code}: ${output}`)));
  });
  failed.catch(() => {});
  try {
    await Promise.race([answers(port, command), failed]);
  } catch (error) {
    await end(child);
    throw error;
  }
  return {
    address: `127.0.0.1:${port}`,
    async stop() {
      await end(child);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await exited;
}

async function answers(port: number, command: string): Promise<void> {
  const resolver = new Resolver({ timeout: 250, tries: 1 });
  resolver.setServers([`127.0.0.1:${port}`]);
  for (const startedAt = Date.now(); ; ) {
    try {
      await resolver.resolve4(READY);
      return;
    } catch (error) {
      if (Date.now() - startedAt > 10_000) throw new Error(`${command} does not answer`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** Free for TCP; DNS servers bind UDP beside it. */
async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
