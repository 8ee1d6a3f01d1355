import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type ConsulAgent, startConsulAgent } from "../../examples/consul/agent.ts";
import { type EchoServer, startEchoServer } from "../support/servers.ts";
import { echoClient, register, schemes } from "./consul-services.ts";

// A service of another cluster, which exports it to this one.

let agents: ConsulAgent[];
let servers: EchoServer[];

beforeAll(async () => {
  servers = await Promise.all(["here", "there"].map((name) => startEchoServer({ name, httpVersion: "2" })));
  agents = await Promise.all(
    ["here", "there"].map(async (datacenter) => {
      return startConsulAgent({
        name: `n-${datacenter}`,
        config: { datacenter, ports: { grpc_tls: await freePort() } },
      });
    }),
  );
  for (const [i, agent] of agents.entries()) {
    await agent.ready();
    await register(agent, "users", "a", { Port: servers[i]?.port });
  }
  const [here, there] = agents as [ConsulAgent, ConsulAgent];
  // For some time after its start, a server has no certificate authority yet, and refuses.
  const eventually = <T>(done: () => Promise<T>) => vi.waitFor(done, { timeout: 30_000, interval: 100 });
  const token = () => post<{ PeeringToken: string }>(there, "/v1/peering/token", { PeerName: "here" });
  const { PeeringToken } = await eventually(token);
  await eventually(() => post(here, "/v1/peering/establish", { PeerName: "there", PeeringToken }));
  const Services = [{ Name: "users", Consumers: [{ Peer: "here" }] }];
  await eventually(() => there.put("/v1/config", { Kind: "exported-services", Name: "default", Services }));
}, 600_000);
afterAll(async () => {
  for (const server of servers ?? []) server.kill();
  for (const agent of agents ?? []) await agent[Symbol.asyncDispose]();
});

test.each(Object.entries(schemes))(
  "%s: ?peer= finds its servers, and without it one's own are found",
  async (_, targetOf) => {
    const [here] = agents as [ConsulAgent];
    const { served } = echoClient(`${targetOf(here)}/users?peer=there`);
    await expect.poll(() => served(1), { timeout: 30_000 }).toEqual({ there: 1 });
    expect(await echoClient(`${targetOf(here)}/users`).served(1)).toEqual({ here: 1 });
  },
  60_000,
);

async function post<T>(agent: ConsulAgent, path: string, body: unknown): Promise<T> {
  const response = await fetch(`http://${agent.http}${path}`, { method: "POST", body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await once(server.close(), "close");
  return port;
}
