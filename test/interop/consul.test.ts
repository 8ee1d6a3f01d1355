import { Code } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ConsulAgent, startConsulAgent } from "../../examples/consul/agent.ts";
import { callReport } from "../../src/node.ts";
import { rejection } from "../support/endpoint-client.ts";
import { type EchoServer, startEchoServer } from "../support/servers.ts";
import { echoClient, register, schemes, setCheck } from "./consul-services.ts";
import { inMemory } from "./in-memory.ts";

// Calls that find their servers through a real Consul agent. Each test has a service of its own; refresh() stands for
// the TTL, whose passing is the directory's own test.

let agent: ConsulAgent;
let servers: EchoServer[];
let services = 0;

beforeAll(async () => {
  servers = await Promise.all(["a", "b", "c"].map((name) => startEchoServer({ name, httpVersion: "2" })));
  agent = await startConsulAgent();
  await agent.ready();
}, 600_000);
afterAll(async () => {
  for (const server of servers ?? []) server.kill();
  await agent?.[Symbol.asyncDispose]();
});

const port = (index: number) => (servers[index] as EchoServer).port;

/** A service of its own: instances "a", "b", ... of the servers, with what a test adds to each. */
async function newService(...fields: Readonly<Record<string, unknown>>[]): Promise<string> {
  const name = `users-${++services}`;
  for (const [i, added] of fields.entries()) {
    await register(agent, name, `${name}-${servers[i]?.name}`, { Port: port(i), ...added });
  }
  return name;
}

describe.each(Object.entries(schemes))("%s", (scheme, targetOf) => {
  const of = (service: string, options = {}) => echoClient(`${targetOf(agent)}/${service}`, options);

  test("instances get calls by their weights", async () => {
    const { served } = of(await newService({ Weights: { Passing: 9, Warning: 1 } }, {}));
    expect(await served(200)).toEqual({ a: 180, b: 20 });
  });

  test("an instance whose check is critical gets no call, until it passes again", async () => {
    const name = await newService({}, {});
    const { served } = of(name);
    expect(Object.keys(await served(10)).sort()).toEqual(["a", "b"]);
    await setCheck(agent, `${name}-a`, "fail");
    expect(await served(10)).toEqual({ b: 10 });
    await setCheck(agent, `${name}-a`, "pass");
    expect(await served(10)).toEqual({ a: 5, b: 5 });
  });

  test("a check that is run by Consul itself", async () => {
    const name = await newService({ Check: { TCP: `127.0.0.1:${port(0)}`, Interval: "1s", Status: "critical" } });
    const { transport, client } = of(name);
    await expect
      .poll(async () => transport.refresh().then(() => client.get({})), { timeout: 10_000 })
      .toMatchObject({ server: "a" });
  });

  test("maintenance of an instance, and of the node", async () => {
    const name = await newService({}, {});
    const { served, transport } = of(name);
    await agent.put(`/v1/agent/service/maintenance/${name}-a?enable=true&reason=test`);
    expect(await served(10)).toEqual({ b: 10 });
    await agent.put("/v1/agent/maintenance?enable=true");
    // Nothing is left, which is believed only when it has been confirmed.
    expect(await served(10)).toEqual({ b: 10 });
    await agent.put("/v1/agent/maintenance?enable=false");
    await agent.put(`/v1/agent/service/maintenance/${name}-a?enable=false`);
    expect(Object.keys(await served(10)).sort()).toEqual(["a", "b"]);
    expect(transport.snapshot().endpoints).toHaveLength(2);
  });

  test("instances are deregistered and added while calls run", async () => {
    const name = await newService({}, {});
    const { served, client, transport } = of(name, { dns: { minTtlMs: 20, maxTtlMs: 20 } });
    let running = true;
    const seen = new Set<string>();
    const callers = Array.from({ length: 8 }, async () => {
      while (running) seen.add((await client.get({})).server);
    });
    await register(agent, name, `${name}-c`, { Port: port(2) });
    await agent.put(`/v1/agent/service/deregister/${name}-a`);
    await expect.poll(() => [...seen]).toContain("c");
    // "a" has gone, and "c" has come.
    await expect.poll(() => transport.snapshot().endpoints).toHaveLength(2);
    running = false;
    await Promise.all(callers);
    expect(await served(10)).toEqual({ b: 5, c: 5 });
  });

  test("the node's address where an instance has none, IPv6, and host names", async () => {
    const name = `users-${++services}`;
    await using v6 = await startEchoServer({ name: "v6", httpVersion: "2", address: "::1" });
    await register(agent, name, `${name}-node`, { Port: port(0), Address: "" });
    await register(agent, name, `${name}-host`, { Port: port(1), Address: "localhost" });
    await register(agent, name, `${name}-v6`, { Port: v6.port, Address: "::1" });
    expect(Object.keys(await of(name).served(9)).sort()).toEqual(["a", "b", "v6"]);
  });

  test("ports that no server can have are left out", async () => {
    const name = await newService({});
    await register(agent, name, `${name}-none`, { Port: 0 });
    expect(await of(name).served(4)).toEqual({ a: 4 });
  });

  test("one tag", async () => {
    const name = await newService({ Tags: ["v1"] }, { Tags: ["v1", "canary"] });
    expect(await of(`${name}?tag=canary`).served(4)).toEqual({ b: 4 });
    expect(await of(`${name}?tag=v1&dc=dc1`).served(4)).toEqual({ a: 2, b: 2 });
  });

  test("a prepared query", async () => {
    const name = await newService({ Tags: ["v1"] }, { Tags: ["v2"] });
    const query = { Name: `${name}-v2`, Service: { Service: name, Tags: ["v2"], OnlyPassing: true } };
    await createQuery(query);
    const { served, transport, client } = of(`${name}?query=${name}-v2`);
    expect(await served(4)).toEqual({ b: 4 });
    await setCheck(agent, `${name}-b`, "warn");
    await client.get({});
    await transport.refresh();
    expect(transport.snapshot().endpoints).toHaveLength(1);
  });

  test("300 instances are all seen, and all get calls", async () => {
    const name = `users-${++services}`;
    // One by one: Consul answers 429 to more than 200 connections of one client.
    for (let i = 0; i < 300; i++) await register(agent, name, `${name}-${i}`, { Port: 80, Address: address(i) });
    const memory = inMemory();
    const { transport, client } = of(name, { createEndpointTransport: memory.create });
    await memory.callMany(client, 600, 4);
    expect(transport.snapshot().endpoints).toHaveLength(300);
    for (let i = 0; i < 300; i++) expect(memory.calls(address(i)), address(i)).toBe(2);
  });

  test("a service without a healthy instance is one clear error", async () => {
    const name = await newService({});
    await setCheck(agent, `${name}-a`, "fail");
    for (const service of [name, "missing"]) {
      const { transport, client } = of(service);
      const error = await rejection(client.get({}));
      expect(error).toMatchObject({ code: Code.Unavailable, rawMessage: "the service has no servers" });
      expect(transport.snapshot().answer?.reason).toMatch(/healthy.*unknown/);
    }
  });

  test("an unknown datacenter is one clear error", async () => {
    const { client, transport } = of(`${await newService({})}?dc=dc9`);
    const error = await rejection(client.get({}));
    expect(error).toMatchObject({ code: Code.Unavailable });
    const why = `${callReport(error)?.lookUpError ?? transport.snapshot().answer?.reason}`;
    expect(why).toMatch(scheme === "consul" ? /datacenter is unknown/ : /500 \(No path to datacenter\)/);
  });
});

const address = (index: number) => `127.1.${Math.floor(index / 200)}.${(index % 200) + 1}`;

async function createQuery(query: object): Promise<void> {
  const response = await fetch(`http://${agent.http}/v1/query`, { method: "POST", body: JSON.stringify(query) });
  expect(response.status).toBe(200);
}

describe("what differs", () => {
  test("a warning: by DNS with its weight, by HTTP only where it is asked for", async () => {
    const name = await newService({ Weights: { Passing: 4, Warning: 1 } }, { Weights: { Passing: 4, Warning: 1 } });
    await setCheck(agent, `${name}-a`, "warn");
    expect(await echoClient(`${schemes.consul(agent)}/${name}`).served(100)).toEqual({ a: 20, b: 80 });
    expect(await echoClient(`${schemes["consul+http"](agent)}/${name}`).served(100)).toEqual({ b: 100 });
    const all = echoClient(`${schemes["consul+http"](agent)}/${name}?passing=false`);
    expect(await all.served(100)).toEqual({ a: 20, b: 80 });
    await setCheck(agent, `${name}-a`, "fail");
    expect(await all.served(4)).toEqual({ b: 4 });
  });

  test("over HTTP: several tags, a filter, the order by distance, and what the registration says", async () => {
    const meta = (zone: string) => ({ Meta: { zone } });
    const name = await newService({ Tags: ["v1", "blue"], ...meta("eu") }, { Tags: ["v1"], ...meta("us") });
    const target = `${schemes["consul+http"](agent)}/${name}`;
    expect(await echoClient(`${target}?tag=v1&tag=blue`).served(4)).toEqual({ a: 4 });
    expect(await echoClient(`${target}?filter=${encodeURIComponent('Service.Meta.zone == "us"')}`).served(4)).toEqual({
      b: 4,
    });
    const near = echoClient(`${target}?near=_agent`);
    await near.served(2);
    expect(near.transport.snapshot().endpoints.map(({ metadata }) => metadata)).toContainEqual({
      node: "n1",
      dc: "dc1",
      tags: "v1,blue",
      "meta.zone": "eu",
      near: expect.stringMatching(/^[01]$/),
    });
    const wrong = echoClient(`${target}?filter=nonsense`);
    expect(String(await rejection(wrong.transport.refresh()))).toMatch(/500 \(Failed to create boolean expression/);
  });

  test("1,100 instances: HTTP names them all, DNS those that fit into 64 KB", { timeout: 60_000 }, async () => {
    const name = `users-${++services}`;
    const ids = Array.from({ length: 1_100 }, (_, i) => `${name}-${i}`);
    for (const [i, id] of ids.entries())
      await register(agent, name, id, { Port: 80, Address: address(i), Check: null });
    const named = async (scheme: keyof typeof schemes) => {
      const { transport, client } = echoClient(`${schemes[scheme](agent)}/${name}`, {
        createEndpointTransport: inMemory().create,
      });
      await client.get({});
      return transport.snapshot().endpoints.length;
    };
    expect(await named("consul+http")).toBe(1_100);
    expect(await named("consul")).toBeLessThan(1_000);
    expect(await named("consul")).toBeGreaterThan(900);
  });

  test("over HTTP: an agent that is given by name", async () => {
    const name = await newService({});
    const [, agentPort] = agent.http.split(":");
    expect(await echoClient(`consul+http://localhost:${agentPort}/${name}`).served(2)).toEqual({ a: 2 });
  });
});
