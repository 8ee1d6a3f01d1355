import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ConsulAgent, startConsulAgent } from "../../examples/consul/agent.ts";
import { balancedTransportFromEnv } from "../../src/node.ts";
import { createTestAuthority } from "../support/certificates.ts";
import { rejection } from "../support/endpoint-client.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { type EchoServer, startEchoServer } from "../support/servers.ts";
import { echoClient, register, schemes } from "./consul-services.ts";

// A Consul that shows nothing to those without a token, and speaks TLS.

const tokens = {
  management: "00000000-0000-4000-8000-000000000001",
  reader: "00000000-0000-4000-8000-000000000002",
  /** Lacks node:read. */
  halfReader: "00000000-0000-4000-8000-000000000003",
  unknown: "00000000-0000-4000-8000-00000000dead",
};

let agent: ConsulAgent;
let server: EchoServer;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "connect-lb-consul-access-"));
  const authority = await createTestAuthority();
  const certificate = await authority.server({ dns: ["server.dc1.consul", "localhost"], ip: ["127.0.0.1"] });
  const client = await authority.client();
  const pems = { ca: authority.ca, cert: certificate.cert, key: certificate.key, client: client.cert, own: client.key };
  for (const [name, pem] of Object.entries(pems)) await writeFile(join(folder, `${name}.pem`), pem);
  const { management } = tokens;
  agent = await startConsulAgent({
    config: {
      alt_domain: "consul.example",
      acl: { enabled: true, default_policy: "deny", tokens: { initial_management: management } },
      tls: { https: { ca_file: file("ca"), cert_file: file("cert"), key_file: file("key"), verify_incoming: true } },
    },
  });
  await agent.ready();
  const mayRead = 'service_prefix "" { policy = "read" }';
  await agent.put("/v1/acl/policy", { Name: "half-reader", Rules: mayRead });
  await agent.put("/v1/acl/policy", { Name: "reader", Rules: `${mayRead} node_prefix "" { policy = "read" }` });
  await agent.put("/v1/acl/token", { SecretID: tokens.reader, Policies: [{ Name: "reader" }] });
  await agent.put("/v1/acl/token", { SecretID: tokens.halfReader, Policies: [{ Name: "half-reader" }] });
  server = await startEchoServer({ name: "a", httpVersion: "2" });
  await register(agent, "users", "a", { Port: server.port });
}, 600_000);
afterAll(async () => {
  server?.kill();
  await agent?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const file = (name: string) => join(folder, `${name}.pem`);

function fromEnv(target: string, env: Record<string, string>) {
  const transport = balancedTransportFromEnv({ env: { CONNECT_LB_TARGET: target, CONNECT_LB_TLS: "false", ...env } });
  return { transport, client: createClient(EchoService, transport) };
}

describe("consul+http", () => {
  const withToken = (token?: string) => {
    return fromEnv(`${schemes["consul+http"](agent)}/users`, token === undefined ? {} : { CONSUL_HTTP_TOKEN: token });
  };

  test("a token from the environment, spaces and all", async () => {
    expect(await withToken(` ${tokens.reader}\n`).client.get({})).toMatchObject({ server: "a" });
  });

  test.each([
    ["no token", undefined, /no token that may read it is set \(CONSUL_HTTP_TOKEN/],
    ["a token that may not read nodes", tokens.halfReader, /its token \(CONSUL_HTTP_TOKEN\) may not read all of them/],
  ])("%s: no servers, and the answer's reason says why", async (_, token, reason) => {
    const { client, transport } = withToken(token);
    expect(await rejection(client.get({}))).toMatchObject({ rawMessage: "the service has no servers" });
    expect(transport.snapshot().answer?.reason).toMatch(reason);
  });

  test("a token that Consul does not know is refused, and no error names it", async () => {
    const error = String(await rejection(withToken(tokens.unknown).transport.refresh()));
    expect(error).toMatch(/Consul at .* answered 403 \(ACL not found.*the token of CONSUL_HTTP_TOKEN must exist/);
    expect(error).not.toContain(tokens.unknown);
  });

  test("an agent that does not know the token yet is followed by the next one", async () => {
    await using other = await startConsulAgent({
      name: "n2",
      config: { acl: { enabled: true, default_policy: "deny", tokens: { initial_management: tokens.management } } },
    });
    await other.ready();
    const env = { CONSUL_HTTP_TOKEN: tokens.reader };
    expect(await fromEnv(`consul+http://${other.http},${agent.http}/users`, env).client.get({})).toMatchObject({
      server: "a",
    });
  });

  test("a token in a file, which is replaced while the process runs", async () => {
    const path = join(folder, "token");
    await writeFile(path, tokens.unknown);
    const env = { CONSUL_HTTP_TOKEN_FILE: path, CONSUL_HTTP_TOKEN: tokens.unknown };
    const { transport } = fromEnv(`${schemes["consul+http"](agent)}/users`, env);
    expect(String(await rejection(transport.refresh()))).toMatch(/403.*the token of CONSUL_HTTP_TOKEN_FILE/);
    await writeFile(path, `${tokens.reader}\n`);
    await transport.refresh();
  });

  test("a token that is replaced while the process runs", async () => {
    const env = { CONNECT_LB_TARGET: `${schemes["consul+http"](agent)}/users`, CONSUL_HTTP_TOKEN: tokens.unknown };
    const transport = balancedTransportFromEnv({ env });
    await rejection(transport.refresh());
    env.CONSUL_HTTP_TOKEN = tokens.reader;
    await transport.refresh();
  });
});

describe("the community edition, asked for a namespace or a partition, answers nothing in its place", () => {
  const CONSUL_HTTP_TOKEN = tokens.reader;
  test.each([
    ["CONSUL_NAMESPACE", "users", { CONSUL_NAMESPACE: "team-a" }],
    ["CONSUL_PARTITION", "users", { CONSUL_PARTITION: "part" }],
    ["the default namespace", "users?ns=default", {}],
    ["a partition in the target", "users?partition=part", {}],
  ])("%s", async (_, name, env) => {
    const http = fromEnv(`${schemes["consul+http"](agent)}/${name}`, { CONSUL_HTTP_TOKEN, ...env });
    const refused = String(await rejection(http.transport.refresh()));
    expect(refused).toMatch(/answered 400 \(.*Enterprise.*\): the community edition of Consul has no namespaces/);
    const dns = fromEnv(`${schemes.consul(agent)}/${name}`, env);
    await rejection(dns.client.get({}));
    expect(dns.transport.snapshot().answer?.reason).toMatch(/NXDOMAIN.*or it is the community edition/);
  });
});

test("consul: the agent's own token decides; without one, nothing exists", async () => {
  const target = `${schemes.consul(agent)}/users`;
  const { transport, client } = echoClient(target);
  expect(await rejection(client.get({}))).toMatchObject({ rawMessage: "the service has no servers" });
  expect(transport.snapshot().answer?.reason).toMatch(/NXDOMAIN.*the agent's DNS token may not read it/);
  await agent.put("/v1/agent/token/dns", { Token: tokens.reader });
  expect(await echoClient(target).client.get({})).toMatchObject({ server: "a" });

  // The other domain of the agent, and what TLS would verify.
  const other = echoClient(`${target}?domain=consul.example`);
  expect(await other.client.get({})).toMatchObject({ server: "a" });
  expect(other.transport.snapshot().endpoints.map(({ verifiedName }) => verifiedName)).toEqual([
    "users.service.consul.example",
  ]);
});

describe("consul+https", () => {
  const env = () => ({
    CONSUL_HTTP_TOKEN: tokens.reader,
    CONSUL_CACERT: file("ca"),
    CONSUL_CLIENT_CERT: file("client"),
    CONSUL_CLIENT_KEY: file("own"),
  });

  test("with the certificates that Consul's own variables name", async () => {
    expect(await fromEnv(`consul+https://${agent.https}/users`, env()).client.get({})).toMatchObject({ server: "a" });
  });

  test("verifies CONSUL_TLS_SERVER_NAME in place of the address", async () => {
    const named = (name: string) => {
      return fromEnv(`consul+https://${agent.https}/users`, { ...env(), CONSUL_TLS_SERVER_NAME: name });
    };
    expect(await named("server.dc1.consul").client.get({})).toMatchObject({ server: "a" });
    expect(String(await rejection(named("other.consul").transport.refresh()))).toMatch(/other\.consul/);
  });

  test.each(["CONSUL_CACERT", "CONSUL_CLIENT_CERT"] as const)("fails without %s", async (variable) => {
    const { [variable]: _, ...others } = env();
    const error = String(await rejection(fromEnv(`consul+https://${agent.https}/users`, others).transport.refresh()));
    expect(error).toMatch(/cannot query Consul: .*certificate/i);
    expect(error).not.toContain(tokens.reader);
  });
});
