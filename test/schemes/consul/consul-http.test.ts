import { describe, expect, test } from "vitest";
import { nodePlatform } from "../../../src/node/node-platform.ts";
import { systemRuntime } from "../../../src/runtime.ts";
import { readInstances } from "../../../src/schemes/consul/consul-health.ts";
import { parseTarget, resolverOf } from "../../../src/schemes/parse-target.ts";
import { a, message } from "../../dns/records.ts";
import { closedPort } from "../../support/closed-port.ts";
import { startDnsPeer } from "../../support/dns-peer.ts";
import { type HttpScript, startHttpScript } from "../../support/http-script.ts";

// The health API as it may answer, from the target as a user writes it. What a real Consul answers: test/interop.

type Scripted = Parameters<typeof startHttpScript>[0];

const instance = (address: string, more: object = {}) => ({
  Node: { Node: "n1", Address: "10.0.0.9", Datacenter: "dc1" },
  Service: { Address: address, Port: 80, Weights: { Passing: 1, Warning: 1 } },
  Checks: [{ Status: "passing" }],
  ...more,
});

const answering =
  (status: number, body: unknown, headers: Record<string, string> = {}): Scripted =>
  (_, response) => {
    response.writeHead(status, headers).end(typeof body === "string" ? body : JSON.stringify(body));
  };

function resolve(agents: readonly HttpScript[], rest = "users", env: Record<string, string> = {}) {
  const target = `consul+http://${agents.map(({ address }) => address).join(",")}/${rest}`;
  const resolver = resolverOf(parseTarget(target), {}, nodePlatform, env);
  const { clock, random, sleep } = systemRuntime;
  return () => {
    const { signal } = new AbortController();
    return resolver.resolve({ signal, deadline: clock.now() + 5_000, clock, random, sleep, reason: "first" });
  };
}

test.each([
  ["users", "/v1/health/service/users?stale=&passing=true"],
  ["users?passing=false", "/v1/health/service/users?stale="],
  ["users?tag=a&tag=b%26c&dc=dc2", "/v1/health/service/users?stale=&tag=a&tag=b%26c&dc=dc2&passing=true"],
  ["users.v1?near=_agent", "/v1/health/service/users.v1?stale=&near=_agent&passing=true"],
  ["users?filter=a%20%3D%3D%20%22b%22", "/v1/health/service/users?stale=&filter=a+%3D%3D+%22b%22&passing=true"],
  ["users?query=users-q&near=n1", "/v1/query/users-q/execute?stale=&near=n1"],
  ["users?peer=p1", "/v1/health/service/users?stale=&peer=p1&passing=true"],
  ["users?ns=a&partition=b", "/v1/health/service/users?stale=&ns=a&partition=b&passing=true"],
])("consul+http://…/%s is one request for %s", async (rest, path) => {
  await using agent = await startHttpScript(answering(200, [instance("10.0.0.1")]));
  expect(await resolve([agent], rest)()).toMatchObject({ kind: "endpoints", ttlMs: 0 });
  expect(agent.requests.map(({ method, url }) => `${method} ${url}`)).toEqual([`GET ${path}`]);
  expect(agent.requests[0]?.headers).toEqual({
    host: agent.address,
    connection: "close",
    "accept-encoding": "identity",
  });
});

test("what an agent says is shown, but no more than 200 characters of it", async () => {
  await using agent = await startHttpScript(answering(400, `no ${"such filter ".repeat(1_000)}`));
  const failure = await resolve([agent])().catch((error: Error) => error.message);
  expect(failure).toMatch(/answered 400 \(no such filter such filter/);
  expect(String(failure).length).toBeLessThan(300);
});

describe("an agent that fails", () => {
  test.each<[string, Scripted, RegExp]>([
    ["500", answering(500, "No cluster leader"), /answered 500 \(No cluster leader\)/],
    ["429", answering(429, "too many connections"), /answered 429 \(too many connections\)/],
    ["a connection that is cut", (_, response) => response.destroy(), /socket hang up/],
    [
      "an answer that is cut",
      (_, response) => {
        response.writeHead(200, { "content-length": 1_000 }).write("[");
        setImmediate(() => response.destroy());
      },
      /aborted/,
    ],
  ])("%s: the next one is asked, and from then on first", async (_, failing, message) => {
    await using bad = await startHttpScript(failing);
    await using good = await startHttpScript(answering(200, [instance("10.0.0.1")]));
    const both = resolve([bad, good]);
    expect(await both()).toMatchObject({ endpoints: [{ address: "10.0.0.1" }] });
    await both();
    expect(bad.requests).toHaveLength(1);
    await expect(resolve([bad])()).rejects.toThrow(message);
    expect(bad.requests).toHaveLength(4);
  });
});

test.each<[string, Scripted, RegExp]>([
  ["a refusal", answering(403, "Permission denied"), /Consul at 127.* answered 403 \(Permission denied\): set CONSUL_/],
  ["no way in", answering(401, ""), /answered 401: set CONSUL_HTTP_AUTH/],
  ["another method's path", answering(405, "no"), /answered 405 \(no\): Consul's HTTP API must listen there/],
  ["an answer without content", answering(204, ""), /answered 204: Consul's HTTP API must listen there/],
  ["a redirect", answering(302, "", { location: "http://127.0.0.1:1/" }), /answered 302: .*without a redirect$/],
  ["cleartext to TLS", answering(400, "Client sent an HTTP request to an HTTPS server."), /write consul\+https/],
  ["another question than Consul's", answering(400, "no"), /answered 400 \(no\): correct the target's query$/],
  ["no JSON", answering(200, "<html>"), /Consul's response is not JSON/],
  ["no list", answering(200, { error: 1 }), /not a list of instances/],
])("%s is a failure that is not tried again", async (_, answer, message) => {
  await using agent = await startHttpScript(answer);
  await expect(resolve([agent])()).rejects.toThrow(message);
  expect(agent.requests).toHaveLength(1);
});

test.each([
  ["a token", "users", 403, "Permission denied"],
  ["a prepared query", "users?query=q", 404, "Query not found"],
  ["a path", "users", 405, "method not allowed"],
])("%s that one agent does not know is asked of the next one", async (_, rest, status, body) => {
  await using behind = await startHttpScript(answering(status, body));
  await using good = await startHttpScript(answering(200, [instance("10.0.0.1")]));
  await using dead = await startHttpScript((_request, response) => response.destroy());
  expect(await resolve([behind, good], rest)()).toMatchObject({ endpoints: [{ address: "10.0.0.1" }] });
  expect(behind.requests).toHaveLength(1);
  // Whatever the order of the failures, the error shows the refusal and its way out.
  const failure = String(await resolve([dead, behind], rest)().catch((error: Error) => error));
  expect(failure).toMatch(new RegExp(`cannot query Consul: .*: socket hang up; .* answered ${status} \\(${body}\\): `));
});

test("what every agent refuses is one error about the refusal", async () => {
  await using first = await startHttpScript(answering(403, "ACL not found"));
  await using second = await startHttpScript(answering(403, "Permission denied"));
  const env = { CONSUL_HTTP_TOKEN: "hunter2" };
  await expect(resolve([first, second], "users", env)()).rejects.toThrow(
    `Consul at ${first.address} answered 403 (ACL not found); Consul at ${second.address} answered 403 ` +
      "(Permission denied): the token of CONSUL_HTTP_TOKEN must exist in Consul, and its policies must have " +
      "service:read and node:read",
  );
});

test("a wrong question is asked of one agent only", async () => {
  await using first = await startHttpScript(answering(400, "Invalid query parameter"));
  await using second = await startHttpScript(answering(200, []));
  await expect(resolve([first, second])()).rejects.toThrow(/answered 400/);
  expect(second.requests).toHaveLength(0);
});

describe("a name with several addresses", () => {
  const answerOf = (addresses: readonly string[]) => (query: Parameters<typeof message>[0]) => [
    message(query, { answers: addresses.map((address) => a("consul.test", address)) }),
  ];
  const limits = () => ({ ...systemRuntime, signal: new AbortController().signal, deadline: Date.now() + 5_000 });

  test("each is an agent: one that is dead is followed by the next, which is then asked first", async () => {
    await using dns = await startDnsPeer((query) => answerOf(["127.0.0.2", "127.0.0.1"])(query));
    await using agent = await startHttpScript(answering(200, [instance("10.0.0.1")]));
    const target = parseTarget(`consul+http://consul.test:${agent.port}/users`);
    const resolver = resolverOf(target, { servers: [dns.address] }, nodePlatform);
    for (let i = 0; i < 2; i++) {
      expect(await resolver.resolve({ ...limits(), reason: "first" })).toMatchObject({ kind: "endpoints" });
    }
    expect(agent.requests).toHaveLength(2);
    expect(agent.requests[0]?.headers.host).toBe(`consul.test:${agent.port}`);
    // Looked up each time: an agent may move.
    expect(dns.queries.filter(({ asks }) => asks === "A consul.test")).toHaveLength(2);
  });

  test("all are in the error", async () => {
    await using dns = await startDnsPeer((query) => answerOf(["127.0.0.2", "127.0.0.3"])(query));
    const target = parseTarget("consul+http://consul.test:1/users");
    const resolver = resolverOf(target, { servers: [dns.address] }, nodePlatform);
    await expect(resolver.resolve({ ...limits(), reason: "first" })).rejects.toThrow(
      /consul\.test:1 \(127\.0\.0\.2\): .*ECONNREFUSED.*; consul\.test:1 \(127\.0\.0\.3\): .*ECONNREFUSED/,
    );
  });
});

test.each([
  ["http", "a Consul agent must listen there (its HTTP API has port 8500, or 8501 for TLS)"],
  ["https", "this agent does not speak TLS; write consul+http in the target"],
])("consul+%s to what is not there says what to do", async (scheme, wayOut) => {
  await using agent = await startHttpScript(answering(200, []));
  const address = scheme === "http" ? `127.0.0.1:${await closedPort()}` : agent.address;
  const resolver = resolverOf(parseTarget(`consul+${scheme}://${address}/users`), {}, nodePlatform);
  const { clock, random, sleep } = systemRuntime;
  const { signal } = new AbortController();
  const context = { signal, deadline: clock.now() + 5_000, clock, random, sleep, reason: "first" } as const;
  const failure = await resolver.resolve(context).then(String, (error: Error) => error.message);
  expect(failure.endsWith(`: ${wayOut}`)).toBe(true);
});

test("a token that comes back in an answer is in no error", async () => {
  for (const status of [403, 500]) {
    await using agent = await startHttpScript((request, response) => {
      response.writeHead(status).end(`no such token: ${request.headers["x-consul-token"]}`);
    });
    await expect(resolve([agent], "users", { CONSUL_HTTP_TOKEN: "hunter2" })()).rejects.toThrow(
      /no such token: \*\*\*/,
    );
  }
});

test("an agent's name is asked for and sent in its one spelling", async () => {
  await using dns = await startDnsPeer((query) => [
    message(query, { answers: [a("xn--bcher-kva.test", "127.0.0.1")] }),
  ]);
  await using agent = await startHttpScript(answering(200, [instance("10.0.0.1")]));
  const target = parseTarget(`consul+http://Bücher.Test.:${agent.port}/users`);
  const { clock, random, sleep } = systemRuntime;
  const limits = { signal: new AbortController().signal, deadline: clock.now() + 5_000, clock, random, sleep };
  const resolver = resolverOf(target, { servers: [dns.address] }, nodePlatform);
  expect(await resolver.resolve({ ...limits, reason: "first" })).toMatchObject({ kind: "endpoints" });
  expect(new Set(dns.queries.map(({ asks }) => asks))).toEqual(
    new Set(["A xn--bcher-kva.test", "AAAA xn--bcher-kva.test"]),
  );
  expect(agent.requests[0]?.headers.host).toBe(`xn--bcher-kva.test:${agent.port}`);
});

test("an instance that is registered twice is one endpoint with both weights", async () => {
  await using agent = await startHttpScript(answering(200, [instance("10.0.0.1"), instance("10.0.0.1")]));
  expect(await resolve([agent])()).toMatchObject({ endpoints: [{ address: "10.0.0.1", weight: 2 }] });
});

describe("entries of an answer", () => {
  const service = (Service: object) => ({ Service: { Address: "10.0.0.1", Port: 80, ...Service } });
  const checks = (...statuses: unknown[]) => ({ Checks: statuses.map((Status) => ({ Status })) });
  const weights = { Weights: { Passing: 7, Warning: 2 } };

  test.each<[string, object, object]>([
    ["without an address: the node's", service({ Address: "" }), { host: "10.0.0.9" }],
    ["passing", { ...service(weights), ...checks("passing", "passing") }, { weight: 7 }],
    ["one warning", { ...service(weights), ...checks("passing", "warning") }, { weight: 2 }],
    ["without a check", { ...service(weights), Checks: [] }, { weight: 7 }],
    ["without weights", service({ Weights: undefined }), { weight: 1 }],
    ["weight 0", service({ Weights: { Passing: 0 } }), { weight: 0 }],
    ["a weight that is none", service({ Weights: { Passing: "9" } }), { weight: 1 }],
    ["a weight out of range", service({ Weights: { Passing: 1e9 } }), { weight: 1 }],
    [
      "tags and meta",
      service({ Tags: ["a", 1], Meta: { node: "x", y: 2 } }),
      {
        metadata: { node: "n1", dc: "dc1", tags: "a,", "meta.node": "x", "meta.y": "" },
      },
    ],
  ])("%s", (_, more, expected) => {
    expect(readInstances([instance("10.0.0.1", more)])).toEqual([expect.objectContaining(expected)]);
  });

  test.each<[string, unknown]>([
    ["critical", instance("10.0.0.1", checks("passing", "critical"))],
    ["a status that is unknown", instance("10.0.0.1", checks("passing", "maintenance?"))],
    ["port 0", instance("10.0.0.1", service({ Port: 0 }))],
    ["port 70000", instance("10.0.0.1", service({ Port: 70_000 }))],
    ["a port that is text", instance("10.0.0.1", service({ Port: "80" }))],
    ["no address at all", instance("", { Node: {} })],
    ["null", null],
    ["a number", 7],
  ])("%s is left out", (_, entry) => {
    expect(readInstances([entry])).toEqual([]);
  });
});
