import type { IncomingMessage } from "node:http";
import { inspect } from "node:util";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { describe, expect, test, vi } from "vitest";
import {
  type BalancedTransport,
  type BalancedTransportEvent,
  type BalancedTransportOptions,
  balancedTransportFromEnv,
  callReport,
  createBalancedTransport,
  type Resolution,
} from "../../src/node.ts";
import { logListener } from "../../src/telemetry/log.ts";
import { createTestAuthority } from "../support/certificates.ts";
import { rejection } from "../support/endpoint-client.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { startHttpScript } from "../support/http-script.ts";
import { startScriptedServer } from "../support/scripted-server.ts";

// Whatever a call that fails leaves behind shows no secret: its error with causes and report, the events, the log, the
// snapshot, and the transport itself. What only a message of configuration could show: test/config/secrets.test.ts.

const authority = await createTestAuthority();
const { cert, key } = await authority.client();

const TOKEN = "b1gs51a7-c0de-4bad-9bad-c0ffee123456";
const LONG_TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0/dozjgNryP4J3jVmNHl0w5N+a=";
const PASSWORD = 'hun/ter2%&é"x';

/** Everything of a transport that may end in a log. */
async function traces(make: (onEvent: (event: BalancedTransportEvent) => void) => BalancedTransport): Promise<string> {
  const events: BalancedTransportEvent[] = [];
  const seen: unknown[] = [];
  try {
    const transport = make((event) => void events.push(event));
    // Together: one that came later would wait the back-off out.
    const [error, warmedUp] = await Promise.all([
      rejection(createClient(EchoService, transport).get({}, { timeoutMs: 2_000 })),
      transport.warmUp({ signal: AbortSignal.timeout(2_000) }).catch((reason: unknown) => reason),
    ]);
    seen.push(error, error.message, callReport(error), warmedUp);
    seen.push(await transport.refresh().catch((reason: unknown) => reason));
    seen.push(transport, JSON.stringify(transport.snapshot()), JSON.stringify(transport));
    transport.close();
  } catch (error) {
    seen.push(error);
  }
  const lines = (["info", "debug"] as const).flatMap((level) => linesOf(level, events));
  for (const line of lines) expect(line).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
  seen.push(...events, ...lines);
  // With the members of what stands behind errors, as `console.error()` shows them, and more.
  return seen.map((one) => (typeof one === "string" ? one : inspect(one, { depth: 12, showHidden: true }))).join("\n");
}

function linesOf(level: "info" | "debug", events: readonly BalancedTransportEvent[]): string[] {
  const lines: string[] = [];
  const log = logListener(
    level,
    (line) => lines.push(line),
    () => 0,
  );
  for (const event of events) log(event);
  return lines;
}

/** Any part of it that is long enough to be of use, in each form in which it may come back. */
function expectHidden(text: string, secret: string) {
  const lower = text.toLowerCase();
  // A PEM's frame and a URL's scheme are no secrets.
  const body = secret.replace(/-----[A-Z ]+-----/g, "").replaceAll("\n", "");
  const forms = [
    body,
    encodeURIComponent(body),
    Buffer.from(body).toString("base64"),
    JSON.stringify(body).slice(1, -1),
  ];
  for (const form of new Set(forms)) {
    const length = Math.min(8, form.length);
    for (let at = 0; at + length <= form.length; at++) {
      expect(lower).not.toContain(form.slice(at, at + length).toLowerCase());
    }
  }
}

/** What an agent may make of the secret that it was shown, and say in its answer. */
const ECHOES: Readonly<Record<string, (secret: string) => string>> = {
  whole: (secret) => `no such token: ${secret}`,
  "where the message is cut": (secret) => `${"x".repeat(185)} ${secret} lacks a policy`,
  "cut by the agent": (secret) => `token ${secret.slice(0, 12)}... lacks a policy`,
  "whole, and nothing else": (secret) => secret,
  "its end only": (secret) => `token ...${secret.slice(-12)} lacks a policy`,
  "percent-encoded": (secret) => `GET /v1/health?token=${encodeURIComponent(secret)}`,
  "in base64": (secret) => `Authorization: Basic ${Buffer.from(secret).toString("base64")}`,
  "in JSON": (secret) => JSON.stringify({ error: { token: secret } }),
  "in capitals": (secret) => `NO SUCH TOKEN: ${secret.toUpperCase()}`,
  "twice, with control characters": (secret) => `\u001b[31m${secret}\u001b[0m\u202e\u2028\u0085\u007f${secret}`,
  "after much else": (secret) => `${" ".repeat(8_185)}${secret}`,
};

const SHOWN_TO_CONSUL: Readonly<Record<string, { readonly env: Record<string, string>; readonly secret: string }>> = {
  CONSUL_HTTP_TOKEN: { env: { CONSUL_HTTP_TOKEN: TOKEN }, secret: TOKEN },
  "a long CONSUL_HTTP_TOKEN": { env: { CONSUL_HTTP_TOKEN: LONG_TOKEN }, secret: LONG_TOKEN },
  CONSUL_HTTP_AUTH: { env: { CONSUL_HTTP_AUTH: `admin:${PASSWORD}` }, secret: PASSWORD },
};

describe.each(Object.entries(SHOWN_TO_CONSUL))("%s", (_, { env, secret }) => {
  test.each(Object.keys(ECHOES).flatMap((form) => [403, 500, 200].map((status) => [form, status] as const)))(
    "an agent that says it %s (%i)",
    async (form, status) => {
      const shown: IncomingMessage[] = [];
      await using agent = await startHttpScript((request, response) => {
        shown.push(request);
        response.writeHead(status, { "x-reason": encodeURIComponent(secret) }).end(ECHOES[form]?.(secret));
      });
      const seen = await traces((onEvent) =>
        balancedTransportFromEnv({
          env: { ...env, CONNECT_LB_TARGET: `consul+http://${agent.address}/users`, CONNECT_LB_TLS: "false" },
          onEvent,
        }),
      );
      // It was shown to the agent, and the agent's answer is what the error is about.
      expect(JSON.stringify(shown.map(({ headers }) => headers))).toMatch(/x-consul-token|authorization/);
      expect(seen).toMatch(/answered \d+ \(|is not JSON|is not a list/);
      expectHidden(seen, secret);
    },
  );
});

const TARGET = "static:///127.0.0.1:1";
const withOptions = (options: object) => (onEvent: (event: BalancedTransportEvent) => void) =>
  createBalancedTransport({ target: TARGET, ...options, onEvent } as BalancedTransportOptions);
const withEnv = (env: Record<string, string>) => (onEvent: (event: BalancedTransportEvent) => void) =>
  balancedTransportFromEnv({ env: { CONNECT_LB_TARGET: TARGET, ...env }, onEvent });
const CONSUL = { CONNECT_LB_TARGET: "consul+https://127.0.0.1:1/users" };
const answering = (endpoint: object) => ({
  target: "mine",
  resolve: async () => ({ kind: "endpoints", endpoints: [endpoint], ttlMs: 1_000 }),
});
const pem = key.replaceAll("\n", "\\n");

type Place = readonly [string, (onEvent: (event: BalancedTransportEvent) => void) => BalancedTransport, string];

const PLACES: readonly Place[] = [
  ["a key that is right", withOptions({ tls: { cert, key } }), key],
  ["a key in the environment that is right", withEnv({ CONNECT_LB_TLS_CERT: cert, CONNECT_LB_TLS_KEY: key }), key],
  ["a key that lost its line ends", withOptions({ tls: { cert, key: pem } }), key],
  ["a key in place of a certificate", withOptions({ tls: { cert: key, key } }), key],
  ["a key in place of an authority", withOptions({ tls: { ca: key } }), key],
  ["a key that is cut", withOptions({ tls: { cert, key: key.slice(0, 100) } }), key.slice(30, 100)],
  ["a key as bytes", withOptions({ tls: { cert, key: Buffer.from(key) } }), key],
  ["a key behind file:", withOptions({ tls: { cert, key: `file:${key}` } }), key],
  [
    "a key behind file: in the environment",
    withEnv({ CONNECT_LB_TLS_CERT: cert, CONNECT_LB_TLS_KEY: `file:${key}` }),
    key,
  ],
  ["a key without its frame behind file:", withOptions({ tls: { cert, key: `file:${key.split("\n")[1]}` } }), key],
  ["a token behind file:", withOptions({ tls: { ca: `file:${TOKEN}` } }), TOKEN],
  ["a key in base64 behind file:", withEnv({ CONNECT_LB_TLS_CA: `file:${btoa(key)}` }), btoa(key)],
  ["CONSUL_HTTP_TOKEN_FILE with the token", withEnv({ ...CONSUL, CONSUL_HTTP_TOKEN_FILE: TOKEN }), TOKEN],
  ["CONSUL_HTTP_TOKEN_FILE with a long token", withEnv({ ...CONSUL, CONSUL_HTTP_TOKEN_FILE: LONG_TOKEN }), LONG_TOKEN],
  ["CONSUL_HTTP_TOKEN of two lines", withEnv({ ...CONSUL, CONSUL_HTTP_TOKEN: `${TOKEN}\n${TOKEN}` }), TOKEN],
  ["CONSUL_CACERT with a key", withEnv({ ...CONSUL, CONSUL_CACERT: key }), key],
  ["CONSUL_CLIENT_KEY with a key", withEnv({ ...CONSUL, CONSUL_CLIENT_CERT: cert, CONSUL_CLIENT_KEY: key }), key],
  ["CONSUL_NAMESPACE with a token", withEnv({ ...CONSUL, CONSUL_NAMESPACE: `${LONG_TOKEN}` }), LONG_TOKEN],
  ["CONSUL_PARTITION with a token", withEnv({ ...CONSUL, CONSUL_PARTITION: `x_${TOKEN}` }), TOKEN],
  ["CONSUL_HTTP_SSL_VERIFY with a token", withEnv({ ...CONSUL, CONSUL_HTTP_SSL_VERIFY: TOKEN }), TOKEN],
  [
    "CONSUL_TLS_SERVER_NAME with credentials",
    withEnv({ ...CONSUL, CONSUL_TLS_SERVER_NAME: `https://user:${TOKEN}@consul.test` }),
    TOKEN,
  ],
  ["a transport's name", (onEvent) => balancedTransportFromEnv(LONG_TOKEN, { env: {}, onEvent }), LONG_TOKEN],
  ["sample in the query", withOptions({ target: `srv:///users.test?sample=${TOKEN}` }), TOKEN],
  ["passing in the query", withOptions({ target: `consul+http://127.0.0.1:1/users?passing=${TOKEN}` }), TOKEN],
  ["ns in the query", withOptions({ target: `consul:///users?ns=x_${TOKEN}` }), TOKEN],
  ["a token in the query", withOptions({ target: `consul+http://127.0.0.1:1/users?token=${TOKEN}` }), TOKEN],
  ["userinfo", withOptions({ target: `consul+http://user:${TOKEN}@127.0.0.1:1/users` }), TOKEN],
  ["userinfo, percent-encoded", withOptions({ target: `consul+http://user%3A${TOKEN}%40127.0.0.1:1/users` }), TOKEN],
  ["userinfo before the options", () => createBalancedTransport(`https://user:${TOKEN}@users.test` as never), TOKEN],
  [
    "a resolver's authority",
    withOptions({ target: { ...answering({}), authority: `https://user:${TOKEN}@users.test/` } }),
    TOKEN,
  ],
  ["a resolver's port", withOptions({ target: answering({ address: "127.0.0.1", port: TOKEN }) }), TOKEN],
  [
    "a resolver's weight",
    withOptions({ target: answering({ address: "127.0.0.1", port: 1, weight: { token: TOKEN } }) }),
    TOKEN,
  ],
  ["a key as target", withOptions({ target: key }), key],
  ["a token as target", withOptions({ target: TOKEN }), TOKEN],
  ["a long token as target", withOptions({ target: LONG_TOKEN }), LONG_TOKEN],
  ["a bearer token as target", withOptions({ target: `Bearer ${TOKEN}` }), TOKEN],
  ["a key as a variable's target", withEnv({ CONNECT_LB_TARGET: key }), key],
  ["a key as fallback target", withOptions({ fallbackTarget: key }), key],
  ["a key in the query", withOptions({ target: `srv:///users.test?x=${encodeURIComponent(key)}` }), key],
  [
    "a key in the query of a known key",
    withOptions({ target: `srv:///users.test?tls=${encodeURIComponent(key)}` }),
    key,
  ],
  ["a key as a Consul tag", withOptions({ target: `consul:///users?tag=${encodeURIComponent(key)}` }), key],
  ["dns.servers", withOptions({ dns: { servers: [`user:${TOKEN}@10.0.0.1`] } }), TOKEN],
  ["pathPrefix", withOptions({ pathPrefix: `?token=${TOKEN}` }), TOKEN],
  ["tls.serverName", withOptions({ tls: { serverName: `https://user:${TOKEN}@users.test` } }), TOKEN],
  ["an interceptor's closure", withOptions({ interceptors: [setting(TOKEN)] }), TOKEN],
  ["an attempt interceptor's closure", withOptions({ attemptInterceptors: [setting(TOKEN)] }), TOKEN],
];

/** Sets a header that a server which cannot be reached never sees. */
function setting(token: string) {
  return (next: (request: never) => Promise<never>) => (request: { readonly header: Headers }) => {
    request.header.set("authorization", `Bearer ${token}`);
    return next(request as never);
  };
}

test.each(PLACES)("%s leaves no trace", async (_, make, secret) => {
  expectHidden(await traces(make), secret);
});

test.each([
  ["timeoutMs", { timeoutMs: TOKEN }],
  ["the name of a header", { headers: [[`${TOKEN} `, "authorization"]] }],
  ["the value of a header", { headers: { authorization: `Bearer ${TOKEN}\n` } }],
])("%s of a call", async (_, options) => {
  const client = createClient(EchoService, createBalancedTransport({ target: TARGET }));
  const error = await rejection(client.get({}, options as never));
  expectHidden(inspect([error, callReport(error)], { depth: 12, showHidden: true }), TOKEN);
});

test("there are 60 probes or more", () => {
  expect(Object.keys(SHOWN_TO_CONSUL).length * Object.keys(ECHOES).length * 3 + PLACES.length).toBeGreaterThan(60);
});

test("nothing that comes from outside writes to the log but text", async () => {
  const evil = "\u001b[31m\u2028\u0085\u007f\u202eevil\r\nlevel=error";
  const written: string[] = [];
  const write = vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    written.push(String(text));
    return true;
  });
  try {
    using server = await startScriptedServer(() => {
      throw new ConnectError(evil, Code.Unavailable);
    });
    const endpoints = [
      { address: "127.0.0.1", port: server.port },
      { address: evil, port: 1 },
    ];
    const answers: (Resolution | Error)[] = [
      { kind: "endpoints", endpoints, ttlMs: 0 },
      { kind: "unavailable", reason: evil, ttlMs: 0 },
      new Error(evil),
    ];
    const resolve = async () => {
      const answer = answers.shift() ?? new Error(evil);
      if (answer instanceof Error) throw answer;
      return answer;
    };
    const transport = createBalancedTransport({
      target: { target: `mine ${evil}`, resolve },
      tls: false,
      log: "debug",
      onEvent() {
        throw new Error(evil);
      },
    });
    await rejection(createClient(EchoService, transport).get({}));
    for (let i = 0; i < 2; i++) await transport.refresh().catch(() => {});
    transport.close();
    await vi.waitFor(() => expect(written.join("")).toContain("connect-lb: connection-closed"));
  } finally {
    write.mockRestore();
  }
  const types = new Set(written.map((line) => /msg="connect-lb: ([\w-]+)"/.exec(line)?.[1]));
  for (const type of ["retry", "not-retried", "records-dropped", "empty", "resolve-failed", "callback-failed"]) {
    expect(types).toContain(type);
  }
  for (const line of written) expect(line).toMatch(/^[^\p{Cc}\p{Cf}\u2028\u2029]+\n$/u);
});
