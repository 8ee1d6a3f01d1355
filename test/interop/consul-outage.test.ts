import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ConsulAgent, startConsulAgent } from "../../examples/consul/agent.ts";
import { rejection } from "../support/endpoint-client.ts";
import { type EchoServer, startEchoServer } from "../support/servers.ts";
import { echoClient, register, schemes } from "./consul-services.ts";

// Agents that end and come back.

let agents: ConsulAgent[];
let servers: EchoServer[];

beforeAll(async () => {
  servers = await Promise.all(["a", "b"].map((name) => startEchoServer({ name, httpVersion: "2" })));
  agents = await Promise.all(["n1", "n2"].map((name) => startConsulAgent({ name })));
  for (const agent of agents) await agent.ready();
}, 600_000);
afterAll(async () => {
  for (const server of servers ?? []) server.kill();
  for (const agent of agents ?? []) await agent[Symbol.asyncDispose]();
});

describe.each(Object.entries(schemes))("%s", (scheme, targetOf) => {
  test("an agent that is stopped, and restarts without its state: calls go on", async () => {
    const [agent] = agents as [ConsulAgent];
    await register(agent, "users", "a", { Port: servers[0]?.port });
    const { transport, client, served } = echoClient(`${targetOf(agent)}/users`);
    expect(await served(2)).toEqual({ a: 2 });

    await agent.kill();
    const refused = String(await rejection(transport.refresh()));
    expect(refused).toContain(scheme === "consul" ? agent.dns : agent.http);
    expect(refused).toContain("ECONNREFUSED");
    expect((await client.get({})).server).toBe("a");

    // A dev agent forgets all: the service does not exist. One such answer is not believed.
    await agent.start();
    await agent.ready();
    expect(await served(2)).toEqual({ a: 2 });
    await register(agent, "users", "b", { Port: servers[1]?.port });
    expect(await served(2)).toEqual({ b: 2 });
  });

  test("of two agents, one is enough", async () => {
    const [first, second] = agents as [ConsulAgent, ConsulAgent];
    for (const agent of agents) await register(agent, "twice", "a", { Port: servers[0]?.port });
    const { served } = echoClient(`${targetOf(first, second)}/twice`);
    await first.kill();
    expect(await served(2)).toEqual({ a: 2 });
    await first.start();
    await first.ready();
    await second.kill();
    await register(first, "twice", "a", { Port: servers[0]?.port });
    expect(await served(2)).toEqual({ a: 2 });
    await second.start();
    await second.ready();
  });
});
