import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { consulProgram } from "./program.ts";

export interface ConsulAgentOptions {
  /** The node's name. Default "n1". */
  readonly name?: string;
  /** A loopback address. Default 127.0.0.1. */
  readonly address?: string;
  /** Consul's own configuration, besides names and ports. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** One server with its state in memory (`-dev`). Default true. */
  readonly dev?: boolean;
}

/** A Consul agent in a process of its own, on free ports. */
export interface ConsulAgent extends AsyncDisposable {
  readonly name: string;
  /** "address:port" of its HTTP API. */
  readonly http: string;
  /** "address:port" of its HTTP API over TLS, where `config.tls` has a certificate. */
  readonly https: string;
  /** "address:port" of its DNS. */
  readonly dns: string;
  /** "address:port" that other agents join. */
  readonly serf: string;
  /** Settles when it knows of a server that is in order. */
  ready(): Promise<void>;
  /** PUTs to the API, with JSON; rejects what is not answered 200. */
  put(path: string, body?: unknown): Promise<void>;
  get<T = unknown>(path: string): Promise<T>;
  /** Ends it as a crash does. */
  kill(): Promise<void>;
  /** Starts it again, on the same ports; what it kept on disk is still there. */
  start(): Promise<void>;
}

const READY_WITHIN_MS = 30_000;

export async function startConsulAgent(options: ConsulAgentOptions = {}): Promise<ConsulAgent> {
  const { name = "n1", address = "127.0.0.1", dev = true } = options;
  const { ports, ...config } = { ports: {}, ...options.config };
  const program = await consulProgram();
  const folder = await mkdtemp(join(tmpdir(), "connect-lb-consul-"));
  const [dns = 0, http = 0, https = 0, serf = 0, server = 0] = await freePorts(5, address);
  const file = join(folder, "agent.json");
  await writeFile(
    file,
    JSON.stringify({
      node_name: name,
      datacenter: "dc1",
      bind_addr: address,
      client_addr: address,
      disable_host_node_id: true,
      disable_update_check: true,
      log_level: "warn",
      ...(!dev && { data_dir: join(folder, "data") }),
      ports: {
        dns,
        http,
        serf_lan: serf,
        serf_wan: -1,
        server,
        grpc: -1,
        grpc_tls: -1,
        ...("tls" in config && { https }),
        ...ports,
      },
      ...config,
    }),
  );
  let child: ChildProcess | undefined;
  let output = "";
  const end = () => void child?.kill("SIGKILL");

  async function request(method: "GET" | "PUT", path: string, body?: unknown): Promise<Response> {
    const { acl } = config as { acl?: { tokens?: { initial_management?: string } } };
    const token = acl?.tokens?.initial_management;
    const response = await fetch(`http://${address}:${http}${path}`, {
      method,
      headers: token === undefined ? {} : { "x-consul-token": token },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (response.ok) return response;
    throw new Error(`Consul answered ${response.status} to ${method} ${path}: ${await response.text()}`);
  }
  const get = async <T>(path: string) => (await request("GET", path)).json() as Promise<T>;

  const agent: ConsulAgent = {
    name,
    http: `${address}:${http}`,
    https: `${address}:${https}`,
    dns: `${address}:${dns}`,
    serf: `${address}:${serf}`,
    get,
    async put(path, body) {
      await (await request("PUT", path, body)).arrayBuffer();
    },
    async ready() {
      for (const until = Date.now() + READY_WITHIN_MS; ; ) {
        const servers = await get<unknown[]>("/v1/health/service/consul?passing").catch(() => []);
        if (servers.length > 0) return;
        if (child?.exitCode !== null || Date.now() > until) throw new Error(`Consul ${name} did not start: ${output}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    async kill() {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, "exit");
      end();
      await exited;
    },
    async start() {
      child = spawn(program, ["agent", ...(dev ? ["-dev"] : []), "-config-file", file], {
        stdio: ["ignore", "pipe", "pipe"],
      });
      for (const stream of [child.stdout, child.stderr]) {
        stream?.on("data", (chunk) => {
          output = (output + chunk).slice(-5_000);
        });
      }
      await once(child, "spawn");
    },
    async [Symbol.asyncDispose]() {
      process.off("exit", end);
      await agent.kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
  // Whatever becomes of this process, the agent's ends with it.
  process.on("exit", end);
  await agent.start();
  return agent;
}

/** Consul cannot be told to choose; some of the ports are for TCP and UDP alike. */
async function freePorts(count: number, address: string): Promise<number[]> {
  const servers: Server[] = [];
  for (let i = 0; i < count; i++) {
    const server = createServer().listen(0, address);
    await once(server, "listening");
    servers.push(server);
  }
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}
