import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isLoopback } from "../../../src/net/ip-address.ts";
import { nodePlatform } from "../../../src/node/node-platform.ts";
import { balancedTransportFromEnv, createBalancedTransport } from "../../../src/node.ts";
import { systemRuntime } from "../../../src/runtime.ts";
import { consulCredentials } from "../../../src/schemes/consul/consul-credentials.ts";
import { consulTenancy, consulTls } from "../../../src/schemes/consul/consul-environment.ts";
import { parseTarget, resolverOf } from "../../../src/schemes/parse-target.ts";
import { message } from "../../dns/records.ts";
import { startDnsPeer } from "../../support/dns-peer.ts";
import { rejection } from "../../support/endpoint-client.ts";
import { startHttpScript } from "../../support/http-script.ts";

// What the variables of Consul's own command line change.

const INSTANCES = JSON.stringify([{ Node: {}, Service: { Address: "127.0.0.1", Port: 80 }, Checks: [] }]);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "connect-lb-consul-environment-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** One look-up; the request that an agent got for it. */
async function requestFor(env: Record<string, string>, rest = "users") {
  await using agent = await startHttpScript((_, response) => response.end(INSTANCES));
  const resolver = resolverOf(parseTarget(`consul+http://${agent.address}/${rest}`), {}, nodePlatform, env);
  const signal = new AbortController().signal;
  await resolver.resolve({ ...systemRuntime, signal, deadline: Date.now() + 5_000, reason: "first" });
  const { url, headers } = agent.requests[0] as IncomingMessage;
  const query = new URLSearchParams(url?.split("?")[1]);
  return { query: Object.fromEntries(query), headers, authority: resolver.authority };
}

describe("namespace and partition", () => {
  test.each<[string, Record<string, string>, string, object]>([
    ["none", {}, "users", {}],
    ["empty ones are unset", { CONSUL_NAMESPACE: "", CONSUL_PARTITION: "" }, "users", {}],
    [
      "of the environment",
      { CONSUL_NAMESPACE: "Team-A", CONSUL_PARTITION: "p" },
      "users",
      { ns: "team-a", partition: "p" },
    ],
    [
      "of the target, which wins",
      { CONSUL_NAMESPACE: "a", CONSUL_PARTITION: "p" },
      "users?ns=b",
      { ns: "b", partition: "p" },
    ],
    [
      "not of a prepared query, which has its own",
      { CONSUL_NAMESPACE: "a", CONSUL_PARTITION: "p" },
      "users?query=q",
      {},
    ],
  ])("%s", async (_, env, rest, expected) => {
    const { query } = await requestFor(env, rest);
    const { stale: _stale, passing: _passing, ...asked } = query;
    expect(asked).toEqual(expected);
  });

  test("DNS is asked for them too, and an unknown name says what it may mean", async () => {
    await using dns = await startDnsPeer((query) => [message(query, { flags: "8503" })]);
    const env = { CONSUL_NAMESPACE: "team-a", CONSUL_PARTITION: "p" };
    const target = parseTarget(`consul://${dns.address}/users`);
    const resolver = resolverOf(target, { transport: "udp" }, nodePlatform, env);
    const signal = new AbortController().signal;
    const answer = await resolver.resolve({ ...systemRuntime, signal, deadline: Date.now() + 5_000, reason: "first" });
    expect(answer).toMatchObject({
      kind: "empty",
      reason: expect.stringMatching(/community edition.*CONSUL_NAMESPACE/),
    });
    expect(dns.queries[0]?.asks).toBe("SRV users.service.team-a.ns.p.ap.consul");
    expect(resolver.authority).toBe("users.service.consul");
  });

  test.each([
    [{}, { CONSUL_NAMESPACE: "team a" }, 'CONSUL_NAMESPACE must have 1 to 63 letters, digits or hyphens, not "team a"'],
    [{}, { CONSUL_PARTITION: "a.b" }, /^CONSUL_PARTITION must/],
    [{ ns: "*" }, {}, '"ns" in its query must have 1 to 63 letters, digits or hyphens, not "*"'],
  ])("%j and %j name none", (query, env, problem) => {
    expect(() => consulTenancy(query as Record<string, string>, env)).toThrow(problem);
  });

  test("the domain is what TLS verifies", async () => {
    expect((await requestFor({}, "users?domain=Consul.Example.")).authority).toBe("users.service.consul.example");
  });
});

describe("credentials", () => {
  test.each<[string, Record<string, string>, Record<string, string>, object]>([
    ["none", {}, {}, {}],
    ["a token", { CONSUL_HTTP_TOKEN: " t\n" }, {}, { "x-consul-token": "t" }],
    ["a file", { CONSUL_HTTP_TOKEN_FILE: "token" }, { token: "f\n" }, { "x-consul-token": "f" }],
    [
      "both: the file, as in Consul's client",
      { CONSUL_HTTP_TOKEN: "t", CONSUL_HTTP_TOKEN_FILE: "token" },
      { token: "f" },
      { "x-consul-token": "f" },
    ],
    [
      "both, the file empty",
      { CONSUL_HTTP_TOKEN: "t", CONSUL_HTTP_TOKEN_FILE: "token" },
      { token: "\n" },
      { "x-consul-token": "t" },
    ],
    [
      "a user",
      { CONSUL_HTTP_AUTH: "me:p:wört" },
      {},
      { authorization: `Basic ${Buffer.from("me:p:wört").toString("base64")}` },
    ],
    [
      "a user without a password",
      { CONSUL_HTTP_AUTH: "me" },
      {},
      { authorization: `Basic ${Buffer.from("me:").toString("base64")}` },
    ],
    [
      "a user and a token",
      { CONSUL_HTTP_AUTH: "a:b", CONSUL_HTTP_TOKEN: "t" },
      {},
      { authorization: "Basic YTpi", "x-consul-token": "t" },
    ],
  ])("%s", async (_, variables, files, expected) => {
    const env = { ...variables };
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    if (env.CONSUL_HTTP_TOKEN_FILE) env.CONSUL_HTTP_TOKEN_FILE = join(folder, env.CONSUL_HTTP_TOKEN_FILE);
    const { headers } = await requestFor(env);
    const { host: _host, connection: _connection, "accept-encoding": _encoding, ...sent } = headers;
    expect(sent).toEqual(expected);
  });

  test("a file is read at each look-up, and what is wrong with it shows nothing but its path", async () => {
    await using agent = await startHttpScript((_, response) => response.end(INSTANCES));
    const file = join(folder, "replaced");
    const target = `consul+http://${agent.address}/users`;
    const transport = balancedTransportFromEnv({ env: { CONNECT_LB_TARGET: target, CONSUL_HTTP_TOKEN_FILE: file } });
    const missing = `the file of CONSUL_HTTP_TOKEN_FILE, "${file}", cannot be read (ENOENT)`;
    expect(String(await rejection(transport.refresh()))).toContain(missing);
    for (const token of ["one", "two"]) {
      await writeFile(file, `${token}\n`);
      await transport.refresh();
      expect(agent.requests.at(-1)?.headers["x-consul-token"]).toBe(token);
    }
    await writeFile(file, "hunter2\nhunter3\n");
    const error = String(await rejection(transport.refresh()));
    expect(error).toMatch(/the file of CONSUL_HTTP_TOKEN_FILE must contain exactly one token/);
    expect(error).not.toContain("hunter");
    transport.close();
  });

  test("nothing of them is in an error, whole, in part or encoded", async () => {
    const env = { CONSUL_HTTP_TOKEN: "secret-token", CONSUL_HTTP_AUTH: "somebody:secret-password" };
    const pad = "x".repeat(195);
    for (const status of [400, 403, 500]) {
      for (const before of ["", pad]) {
        await using agent = await startHttpScript(({ headers }, response) => {
          response
            .writeHead(status)
            .end(`${before}${headers["x-consul-token"]} ${headers.authorization} secret-password`);
        });
        const resolver = resolverOf(parseTarget(`consul+http://${agent.address}/users`), {}, nodePlatform, env);
        const signal = new AbortController().signal;
        const failed = resolver.resolve({ ...systemRuntime, signal, deadline: Date.now() + 5_000, reason: "first" });
        const error = String(await rejection(failed));
        expect(error).toContain("***");
        expect(error).not.toMatch(/secr|c29tZ/);
      }
    }
  });

  test("a token that cannot be sent is an error that names its variable, and not the token", async () => {
    const failed = consulCredentials({ CONSUL_HTTP_TOKEN: "hunter2 ☃" }, nodePlatform.readTextFile);
    expect(String(await rejection(failed))).toMatch(/^Error: CONSUL_HTTP_TOKEN must contain exactly one token/);
  });

  test.each([
    ["token", "CONSUL_HTTP_TOKEN"],
    ["auth", "CONSUL_HTTP_AUTH"],
    ["password", "CONSUL_HTTP_AUTH"],
  ])("%s has no place in a target", (key, variable) => {
    for (const scheme of ["consul+http://a", "consul+https://a", "consul://10.0.0.1"]) {
      const error = errorOf(() => createBalancedTransport({ target: `${scheme}/users?${key}=hunter2` }));
      expect(error).toContain(scheme.startsWith("consul:") ? `unknown key "${key}"` : `set ${variable}`);
      expect(error).not.toContain("hunter2");
    }
  });
});

describe("a token in cleartext", () => {
  test.each([
    ["127.0.0.1", true],
    ["127.200.0.3", true],
    ["::1", true],
    ["::ffff:127.0.0.1", true],
    ["0:0:0:0:0:0:0:1", true],
    ["10.0.0.1", false],
    ["128.0.0.1", false],
    ["0.0.0.0", false],
    ["::", false],
    ["::ffff:10.0.0.1", false],
    ["127.0.0.1.example.com", false],
  ])("%s is loopback: %s", (address, expected) => {
    expect(isLoopback(address)).toBe(expected);
  });

  const outside = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ family, internal }) => family === "IPv4" && !internal)?.address;

  test.runIf(outside !== undefined)("is an event, once for each agent; over loopback it is none", async () => {
    const body = { instances: INSTANCES };
    await using agent = await startHttpScript((_, response) => response.end(body.instances), "0.0.0.0");
    const said = async (host: string, env: Record<string, string>) => {
      const events: unknown[] = [];
      process.env.CONSUL_HTTP_TOKEN = env.CONSUL_HTTP_TOKEN;
      if (env.CONSUL_HTTP_TOKEN === undefined) delete process.env.CONSUL_HTTP_TOKEN;
      const target = `consul+http://${host}:${agent.port}/users`;
      const transport = createBalancedTransport({
        target,
        tls: false,
        onEvent: (event) => event.type === "token-in-cleartext" && events.push(event),
      });
      await transport.refresh();
      await transport.refresh();
      transport.close();
      delete process.env.CONSUL_HTTP_TOKEN;
      return events;
    };
    const token = { CONSUL_HTTP_TOKEN: "hunter2" };
    const server = `${outside}:${agent.port}`;
    const event = { type: "token-in-cleartext", target: `consul+http://${server}/users`, server };
    expect(await said(outside as string, token)).toEqual([event]);
    expect(await said(outside as string, {})).toEqual([]);
    expect(await said("127.0.0.1", token)).toEqual([]);
    expect(await said("localhost", token)).toEqual([]);
    body.instances = "[]";
    expect(await said(outside as string, token)).toEqual([event]);
  });
});

describe("TLS to agents", () => {
  test.each(["", "true", "1", "T", "TRUE"])("CONSUL_HTTP_SSL_VERIFY=%s changes nothing", (CONSUL_HTTP_SSL_VERIFY) => {
    expect(consulTls({ CONSUL_HTTP_SSL_VERIFY })).toEqual({});
  });

  test.each([
    [{ CONSUL_HTTP_SSL_VERIFY: "false" }, /CONSUL_HTTP_SSL_VERIFY must be true or unset, not "false": .*CONSUL_CACERT/],
    [{ CONSUL_HTTP_SSL_VERIFY: "0" }, /not "0"/],
    [{ CONSUL_HTTP_SSL_VERIFY: "yes" }, /not "yes"/],
    [{ CONSUL_CAPATH: "/etc/ca" }, /CONSUL_CAPATH is not read; .*CONSUL_CACERT/],
  ])("%j is an error at the start, over TLS only", (env, problem) => {
    const make = (scheme: string) => {
      balancedTransportFromEnv({ env: { CONNECT_LB_TARGET: `${scheme}://10.0.0.1/users`, ...env } }).close();
    };
    expect(errorOf(() => make("consul+https"))).toMatch(problem);
    expect(errorOf(() => make("consul+http"))).toBe("");
  });

  test("the file of authorities wins over their folder, as in Consul's client", () => {
    expect(consulTls({ CONSUL_CAPATH: "/etc/ca", CONSUL_CACERT: "/ca.pem" })).toEqual({ ca: "file:/ca.pem" });
  });
});

function errorOf(make: () => void): string {
  try {
    make();
  } catch (error) {
    return String(error);
  }
  return "";
}
