import type { DemoDnsServer } from "../demo/dns-server.ts";
import { type Backend, startBackend } from "../demo/fleet.ts";

/** The servers of UserService under a name of DNS, to be replaced like those of a deployment. */
export interface Users {
  readonly target: string;
  /** Servers replaced so far. */
  readonly replaced: number;
  /** One crashes (SIGKILL), and another one on another port takes its place. */
  replaceOne(): Promise<void>;
  /** As a deployment does: new servers on other ports; so long afterwards the old ones finish what they do and end. */
  replaceAll(afterMs?: number): Promise<void>;
  /** Of those that are there, and of those to come. */
  setServiceTime(ms: number): void;
}

export const TTL_SECONDS = 1;

/**
 * @param name of the service: each has its own servers.
 * @param script of a server's process.
 */
export async function startUsers(dns: DemoDnsServer, name: string, count: number, script: string): Promise<Users> {
  const service = `_grpc._tcp.${name}.users.test`;
  let started = 0;
  let replaced = 0;
  let serviceTimeMs: number | undefined;
  const start = async () => {
    const backend = await startBackend(`${name}-${++started}`, script);
    if (serviceTimeMs !== undefined) backend.setServiceTime(serviceTimeMs);
    return backend;
  };
  const startAll = () => Promise.all(Array.from({ length: count }, start));
  let servers = await startAll();
  const publish = (next: readonly Backend[]) => {
    servers = [...next];
    const records = servers.map(({ name, port }) => ({ target: `${name}.users.test`, port, address: "127.0.0.1" }));
    dns.srv(service, records, TTL_SECONDS);
  };
  publish(servers);
  return {
    target: `srv://${dns.address}/${service}`,
    get replaced() {
      return replaced;
    },
    async replaceOne() {
      const [oldest, ...others] = servers as [Backend, ...Backend[]];
      oldest.kill();
      publish([...others, await start()]);
      replaced += 1;
    },
    async replaceAll(afterMs = 0) {
      const old = servers;
      publish(await startAll());
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      for (const backend of old) backend.stop();
      replaced += old.length;
    },
    setServiceTime(ms) {
      serviceTimeMs = ms;
      for (const backend of servers) backend.setServiceTime(ms);
    },
  };
}
