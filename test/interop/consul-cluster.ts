import { randomInt } from "node:crypto";
import { type ConsulAgent, startConsulAgent } from "../../examples/consul/agent.ts";

/** Three Consul servers and two client agents, each on a loopback address of its own. */
export interface ConsulCluster extends AsyncDisposable {
  readonly servers: readonly ConsulAgent[];
  readonly clients: readonly ConsulAgent[];
  /** The server that leads now. */
  leader(): Promise<ConsulAgent>;
}

/** A local network's timing instead of a wide one's: a dead server leaves the answers after 2 s, not 9. */
const FAST = {
  performance: { raft_multiplier: 1 },
  gossip_lan: { probe_interval: "200ms", probe_timeout: "100ms", suspicion_mult: 2, gossip_interval: "50ms" },
};

export async function startConsulCluster(): Promise<ConsulCluster> {
  // Nobody else listens there, so that an agent finds its ports free when it comes back.
  const network = `127.${randomInt(10, 250)}.${randomInt(250)}`;
  const agents: ConsulAgent[] = [];
  const start = async (name: string, config: object) => {
    const retry_join = agents.slice(0, 1).map(({ serf }) => serf);
    const address = `${network}.${agents.length + 1}`;
    agents.push(await startConsulAgent({ name, address, dev: false, config: { ...FAST, retry_join, ...config } }));
  };
  for (const name of ["s1", "s2", "s3"]) await start(name, { server: true, bootstrap_expect: 3, retry_interval: "1s" });
  for (const name of ["c1", "c2"]) await start(name, { retry_interval: "1s" });
  for (const agent of agents) await agent.ready();
  const [servers, clients] = [agents.slice(0, 3), agents.slice(3)];
  return {
    servers,
    clients,
    async leader() {
      const leading = await (clients[0] as ConsulAgent).get<string>("/v1/status/leader");
      const host = leading.split(":")[0];
      return servers.find(({ http }) => http.split(":")[0] === host) as ConsulAgent;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(agents.map((agent) => agent[Symbol.asyncDispose]()));
    },
  };
}
