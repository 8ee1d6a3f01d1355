import { createServer } from "node:net";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { startDnsServer } from "../../examples/demo/dns-server.ts";
import { type BalancedTransportOptions, balancedTransportFromEnv, createBalancedTransport } from "../../src/node.ts";
import { BAD_CALLS } from "../call/bad-calls.ts";
import { startBlackHole } from "../support/black-hole.ts";
import { closedPort } from "../support/closed-port.ts";
import { rejection } from "../support/endpoint-client.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { startEchoServer } from "../support/servers.ts";
import { listening, unusable } from "../telemetry/unusable-servers.ts";
import { badEnvironments } from "./bad-environments.ts";
import { badOptions } from "./bad-options.ts";

// The mistakes that users made with the packed package, and what each of them reads: who knows only the message must be
// able to mend the mistake.

/** What a call that failed says: the message that handlers forward, and the message of its cause. */
export interface Told {
  readonly message: string;
  readonly because?: string | undefined;
}

export interface Mistake extends Told {
  readonly mistake: string;
  /** Makes it. Addresses and ports are "SERVER". */
  make(): Promise<Told | "succeeds"> | Told;
}

/** The row of wrong options whose message begins so. */
function options(mistake: string, beginning: string): Mistake {
  const [row, ...others] = badOptions.filter(({ message }) => message.startsWith(beginning));
  if (row === undefined || others.length > 0) throw new Error(`not one row begins with ${beginning}`);
  return { mistake, message: row.message, make: () => thrown(() => createBalancedTransport(row.options as never)) };
}

/** The row of wrong variables whose message begins so. */
function variables(mistake: string, beginning: string): Mistake {
  const [row, ...others] = badEnvironments.filter(({ message }) => message.startsWith(beginning));
  if (row === undefined || others.length > 0) throw new Error(`not one row begins with ${beginning}`);
  const { name, env, message } = row;
  return { mistake, message, make: () => thrown(() => balancedTransportFromEnv(name, { env })) };
}

/** The server that a client of this configuration cannot use, and what is told the first of those who meet it. */
function server(mistake: string, name: string, message: string): Mistake {
  const row = unusable.find((one) => one.name === name);
  if (row === undefined) throw new Error(`there is no server "${name}"`);
  return {
    mistake,
    message,
    because: row.hint,
    async make() {
      using there = await listening(await row.server(row.versions?.at(-1) ?? "TLSv1.3"));
      return await call(there.port, { ...row.options, httpVersion: row.over[0] ?? "2" });
    },
  };
}

function told(mistake: string, message: string, because: string | undefined, make: Mistake["make"]): Mistake {
  return { mistake, message, because, make };
}

/** Nothing tells it from what is right. */
function accepted(mistake: string, why: string, make: () => Promise<unknown>): Mistake {
  return { mistake: `${mistake}: ${why}`, message: "succeeds", make: () => make().then(() => "succeeds" as const) };
}

function thrown(make: () => unknown): Told {
  try {
    make();
  } catch (error) {
    return { message: (error as Error).message };
  }
  return { message: "nothing" };
}

type CallOptions = { readonly [option: string]: unknown };
type Method = "get" | "post";

function call(port: number, options: Partial<BalancedTransportOptions>, callOptions: CallOptions = {}, input = {}) {
  return callTarget(`static:///127.0.0.1:${port}`, options, callOptions, input);
}

async function callTarget(
  target: string,
  options: Partial<BalancedTransportOptions> = {},
  callOptions: CallOptions = {},
  input = {},
  method: Method = "get",
): Promise<Told> {
  const transport = createBalancedTransport({ target, tls: false, defaultTimeoutMs: 3_000, ...options });
  const error = ConnectError.from(await rejection(createClient(EchoService, transport)[method](input, callOptions)));
  transport.close();
  return { message: error.rawMessage, because: withoutPorts((error.cause as Error | undefined)?.message) };
}

function withoutPorts(text: string | undefined): string | undefined {
  return text?.replace(/127\.0\.0\.1:\d+/g, "SERVER");
}

async function withEcho(
  use: (client: ReturnType<typeof createClient<typeof EchoService>>, port: number) => Promise<unknown>,
  options: Partial<BalancedTransportOptions> = {},
): Promise<unknown> {
  await using server = await startEchoServer({ httpVersion: "2" });
  const target = `static:///127.0.0.1:${server.port}`;
  return await use(createClient(EchoService, createBalancedTransport({ target, tls: false, ...options })), server.port);
}

async function failing(code: Code, method: Method, options: Partial<BalancedTransportOptions> = {}): Promise<Told> {
  await using server = await startEchoServer({ httpVersion: "2" });
  return await callTarget(`static:///127.0.0.1:${server.port}`, options, {}, { failCode: code }, method);
}

async function missing(target: (dns: string) => string): Promise<Told> {
  const dns = await startDnsServer();
  try {
    return await callTarget(target(dns.address));
  } finally {
    await dns.close();
  }
}

const TIMED_OUT = "the operation timed out";
const LOOK_UP = "the service's servers could not be looked up";
const NO_CONNECTION =
  "no connection was made before the deadline: it may be too short for a first call (warmUp() connects before), or a firewall drops the packets, or the address is wrong, or the server does not speak HTTP/2 there";
const LISTEN = "a DNS server must listen there (port 53; Consul's has 8600)";
const NOT_FOUND =
  "nothing handles that path there: pathPrefix must be what the server puts before /package.Service/Method, and the server must have that service and speak that protocol";

function badCall(mistake: string, beginning: string): Mistake {
  const row = BAD_CALLS.find(({ message }) => message.startsWith(beginning));
  if (row === undefined) throw new Error(`no bad call begins with ${beginning}`);
  return told(mistake, row.message, undefined, () => call(1, {}, row.options));
}

/** In their order in the list of those that were tried. */
export const mistakes: readonly Mistake[] = [
  options("option typo timeoutMs", 'unknown option "timeoutMs"'),
  options("option typo retries", 'unknown option "retries"'),
  options("options of grpc-js", 'unknown option "grpc.service_config"'),
  options("baseUrl of connect-node", 'unknown option "baseUrl"'),
  options("useBinaryFormat at the top", 'unknown option "useBinaryFormat"'),
  options("nodeOptions of connect-node", 'unknown option "nodeOptions"'),
  options("retry.attempts", 'unknown option "retry.attempts"'),
  options("picker with an underscore", 'picker must be "p2c" or "round-robin", or a function, not "round_robin"'),
  options("protocol without its hyphen", 'protocol must be "connect" or "grpc" or "grpc-web", not "grpcweb"'),
  options("httpVersion as a number", 'httpVersion must be "2" or "1.1", not 2'),
  options("tls: true", "tls must be an object, or false, not true"),
  options("http:// as target", 'target "http://users.example.com"'),
  options("https:// as target", 'target "https://users.example.com":'),
  options("a target without a scheme", 'target "users.example.com:8443"'),
  options("two slashes", 'target "dns://users.example.com:8443"'),
  options("two slashes with srv", 'target "srv://_grpc._tcp.users.example.com"'),
  options("two slashes with consul", 'target "consul://users"'),
  options("the port forgotten", 'target "dns:///users"'),
  options("the port forgotten in a list", 'target "static:///10.0.0.1":'),
  options("srv with a port", 'target "srv:///users.example.com:8443"'),
  options("etcd", 'target "etcd:///users"'),
  options("xds", 'target "xds:///users"'),
  told(
    "a short name of Kubernetes",
    "the service has no servers",
    "_grpc._tcp.users.shop does not exist (NXDOMAIN): names are absolute here, search domains are not tried; for a Kubernetes service write _grpc._tcp.users.shop.svc.cluster.local",
    () => missing((dns) => `srv://${dns}/_grpc._tcp.users.shop`),
  ),
  options("consul+http without an agent", 'target "consul+http:///users"'),
  options("a misspelt tag", 'target "consul:///users?tags=canary"'),
  options(
    "a list in code",
    'target must be a URI such as "srv:///_grpc._tcp.users.example.com", or a resolver; it is not text and has no resolve(); a list',
  ),
  variables("CONNECT_LB_TRAGET", "2 problems:\n- unknown variable CONNECT_LB_TRAGET"),
  variables("CONNECT_LB_TIMOUT", "unknown variable CONNECT_LB_TIMOUT"),
  variables("a duration without a unit", 'CONNECT_LB_TIMEOUT needs a unit: write "1000ms"'),
  variables("CONNECT_LB_TIMEOUT_MS", "unknown variable CONNECT_LB_TIMEOUT_MS"),
  variables("CONNECT_LB_DEFAULT_TIMEOUT", "unknown variable CONNECT_LB_DEFAULT_TIMEOUT"),
  told(
    "the target of a named transport forgotten",
    'CONNECT_LB_ORDERS_TARGET is not set; set it to a target such as "srv:///_grpc._tcp.users.example.com"',
    undefined,
    () => thrown(() => balancedTransportFromEnv("orders", { env: { CONNECT_LB_TARGET: "dns:///users.test:80" } })),
  ),
  variables("CONNECT_LB_TLS=off", 'CONNECT_LB_TLS must be "true" or "false", not "off"'),
  variables("CONNECTLB_TARGET", "CONNECT_LB_TARGET is not set, but CONNECTLB_TARGET is"),
  accepted(
    "a variable of a named transport that this process does not make",
    "it has a target, so it may be another program's of the same deployment",
    () =>
      withEcho((_, port) => {
        const env = {
          CONNECT_LB_TARGET: `static:///127.0.0.1:${port}?tls=false`,
          CONNECT_LB_ORDERS_TARGET: "dns:///orders.test:80",
          CONNECT_LB_ORDERS_TIMEOUT: "1s",
        };
        return createClient(EchoService, balancedTransportFromEnv({ env })).get({});
      }),
  ),
  variables("CONNECT_LB_RETRY=2", 'CONNECT_LB_RETRY must be "true" or "false", not "2"'),
  server(
    "TLS to a cleartext server",
    "a cleartext HTTP/2 server with TLS on",
    "could not connect to a server: ERR_SSL_WRONG_VERSION_NUMBER",
  ),
  server(
    "cleartext to a TLS server",
    "a TLS server that hangs up on cleartext",
    "could not connect to a server: ECONNRESET",
  ),
  server(
    "HTTP/2 to an HTTP/1.1 server",
    "HTTP/2 to a server of HTTP/1.1",
    "could not connect to a server: ERR_HTTP2_ERROR",
  ),
  server("HTTP/1.1 to an HTTP/2 server", "HTTP/1.1 to a server of HTTP/2", "the connection to the server was lost"),
  server(
    "HTTP/2 by TLS to an HTTP/1.1 server",
    "HTTP/2 by TLS to a server of HTTP/1.1",
    "could not connect to a server: ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL",
  ),
  server("HTTP/1.1 by TLS to an HTTP/2 server", "HTTP/1.1 by TLS to a server of HTTP/2", "HTTP 403"),
  server(
    "an authority that is not trusted",
    "an authority that is not trusted",
    "could not connect to a server: UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  ),
  server("an expired certificate", "a certificate that has expired", "could not connect to a server: CERT_HAS_EXPIRED"),
  server(
    "a wrong name",
    "a certificate for another name",
    "could not connect to a server: ERR_TLS_CERT_ALTNAME_INVALID",
  ),
  server(
    "no client certificate",
    "a server that wants a client certificate",
    "could not connect to a server: ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED",
  ),
  server(
    "a wrong client certificate",
    "a client certificate that the server does not trust",
    "could not connect to a server: ECONNRESET",
  ),
  options("a path without file:", "tls.ca must be PEM text, bytes"),
  server(
    "file: with a wrong path",
    "a file of authorities that is not there",
    "could not connect to a server: ERR_TLS_FILE",
  ),
  server(
    "a key of another certificate",
    "a key that is not the certificate's",
    "could not connect to a server: ERR_OSSL_X509_KEY_VALUES_MISMATCH",
  ),
  told(
    "nothing listens",
    "could not connect to a server: ECONNREFUSED",
    "nothing listens at that address and port: the server is down, or the port is wrong",
    async () => call(await closedPort(), {}),
  ),
  told(
    "a host that does not exist",
    "the service has no servers",
    "no-such-host.example.com does not exist (NXDOMAIN)",
    () => missing((dns) => `dns://${dns}/no-such-host.example.com:80`),
  ),
  told(
    "a service that does not exist",
    "the service has no servers",
    "_grpc._tcp.no-such.example.com does not exist (NXDOMAIN)",
    () => missing((dns) => `srv://${dns}/_grpc._tcp.no-such.example.com`),
  ),
  // How the look-up itself ends, after 5 s: test/dns/modes.ts.
  told("a DNS server that is silent, and a deadline", TIMED_OUT, undefined, async () => {
    using silent = await listening(createServer());
    return await callTarget(`srv://127.0.0.1:${silent.port}/users.example.com?dns-transport=tcp`, {
      defaultTimeoutMs: 100,
    });
  }),
  told(
    "a DNS server that is not there",
    LOOK_UP,
    `srv://SERVER/_grpc._tcp.users.example.com: cannot look up SRV _grpc._tcp.users.example.com: SERVER could not be asked over UDP: recvmsg ECONNREFUSED: ${LISTEN}`,
    async () => callTarget(`srv://127.0.0.1:${await closedPort()}/_grpc._tcp.users.example.com`),
  ),
  told(
    "Consul is down, by DNS",
    LOOK_UP,
    `consul://SERVER/users: cannot look up SRV users.service.consul: SERVER could not be asked over TCP: connect ECONNREFUSED SERVER: ${LISTEN}`,
    async () => callTarget(`consul://127.0.0.1:${await closedPort()}/users`),
  ),
  told(
    "Consul is down, by HTTP",
    LOOK_UP,
    "consul+http://SERVER/users: cannot query Consul: SERVER: connect ECONNREFUSED SERVER: a Consul agent must listen there (its HTTP API has port 8500, or 8501 for TLS)",
    async () => callTarget(`consul+http://127.0.0.1:${await closedPort()}/users`),
  ),
  told("a server that accepts and is silent", TIMED_OUT, NO_CONNECTION, async () => {
    using silent = await listening(createServer());
    return await call(silent.port, { defaultTimeoutMs: 100 });
  }),
  // Without a limit it would hang: calls have none unless somebody sets one, and over HTTP/1.1 the request has been sent,
  // so that nothing tells a server that is dead from one that works on it.
  told("a server of HTTP/1.1 that accepts and is silent", TIMED_OUT, undefined, async () => {
    using silent = await listening(createServer());
    return await call(silent.port, { defaultTimeoutMs: 100, httpVersion: "1.1" });
  }),
  // Dropped packets look like a network that is slow: only a limit ends the wait, the call's or 20 s.
  told("a firewall that drops packets", TIMED_OUT, NO_CONNECTION, async () => {
    using hole = await startBlackHole();
    return await call(hole.port, { defaultTimeoutMs: 100 });
  }),
  server("another program at that port", "a path that nothing handles over HTTP/1.1", "HTTP 404"),
  told("a path prefix that is not the server's", "HTTP 404", NOT_FOUND, async () => {
    await using echo = await startEchoServer({ httpVersion: "2" });
    return await call(echo.port, { pathPrefix: "/api" });
  }),
  told("a deadline that is too short", TIMED_OUT, undefined, async () => {
    await using echo = await startEchoServer({ httpVersion: "2" });
    return await call(echo.port, { retry: false }, { timeoutMs: 100 }, { delayMs: 5_000 });
  }),
  accepted("timeoutMs: -1", "as in Connect, a limit of 0 or less is none", () =>
    withEcho((client) => client.get({}, { timeoutMs: -1 })),
  ),
  badCall("timeoutMs as text", 'timeoutMs must be a number of milliseconds, not "'),
  told("a method that is not idempotent is not retried", "told to fail", undefined, () =>
    failing(Code.Unavailable, "post"),
  ),
  told("an idempotent method is, and fails in the end", "told to fail", undefined, () =>
    failing(Code.Unavailable, "get"),
  ),
  accepted(
    "idempotentMethods with a method that does not exist",
    "a transport does not know its services before they are called",
    () => withEcho((client) => client.get({}), { retry: { idempotentMethods: ["users.v1.NoService/NoMethod"] } }),
  ),
  options(
    "idempotentMethods with a slash in front",
    'retry.idempotentMethods must be a list of methods, each "package.Service/Method" or "package.Service/*", not ["/users',
  ),
  badCall("a moment as timeoutMs", "timeoutMs is a duration in milliseconds, not a timestamp"),
  accepted("the call option deadline of grpc-js", "Connect's clients do not pass it on to a transport", () =>
    withEcho((client) => client.get({}, { deadline: 1 } as never)),
  ),
  told("a closed transport", "the transport was closed", undefined, async () => {
    const transport = createBalancedTransport({ target: "static:///127.0.0.1:1" });
    transport.close();
    return { message: ConnectError.from(await rejection(createClient(EchoService, transport).get({}))).rawMessage };
  }),
  options("IPv6 without brackets", 'target "static:///::1:8080"'),
  options("a slash at the end", 'target "static:///127.0.0.1:8080/"'),
  options("a blank in a list", 'target "static:///127.0.0.1:8080, 127.0.0.1:8081"'),
  options("connection.idleMs: 0", "connection.idleMs must be a number of milliseconds from 1 to 2147483647, not 0"),
  options(
    "a duration as text in code",
    'defaultTimeoutMs must be a number of milliseconds from 1 to 2147483647, not "2s"',
  ),
  accepted(
    "attemptTimeoutMs above defaultTimeoutMs",
    "a call's own timeoutMs may be longer, and then it has an effect",
    () => withEcho((client) => client.get({}), { attemptTimeoutMs: 2_000, defaultTimeoutMs: 1_000 }),
  ),
  options(
    "no options",
    'the options must be an object, such as { target: "srv:///_grpc._tcp.users.example.com" }; nothing',
  ),
  options("only a target", 'the options must be an object, such as { target: "srv:///x" }'),
  ...[
    "CONNECT_LB_CALL_TIMEOUT",
    "CONNECT_LB_REQUEST_TIMEOUT",
    "CONNECT_LB_GLOBAL_TIMEOUT",
    "CONNECT_LB_ENABLE_TLS",
    "CONNECT_LB_DISABLE_RETRY",
    "CONNECT_LB_DISABLE_BREAKER",
    "CONNECT_LB_ORDER_TIMEOUT",
    "CONNECT_LB_ORDERS_DEFAULT_TIMEOUT",
    "CONNECT_LB_LOG_LEVEL",
    "CONNECT_LB_MAX_RETRIES",
    "CONNECT_LB_RETRIES",
    "CONNECT_LB_TLS_CA_FILE",
    "CONNECT_LB_CA",
    "CONNECT_LB_INSECURE",
    "CONNECT_LB_TLS_SKIP_VERIFY",
    "CONNECT_LB_DNS_TTL",
    "CONNECT_LB_MIN_TTL",
    "CONNECT_LB_HTTP2",
    "CONNECT_LB_GRPC",
    "CONNECT_LB_POLICY",
    "CONNECT_LB_PING_INTERVAL",
  ].map((variable) => variables(variable, `unknown variable ${variable};`)),
  variables(
    "CONNECT_LB_ORDERS_TIMOUT",
    'unknown variable CONNECT_LB_ORDERS_TIMOUT; did you mean "CONNECT_LB_TIMEOUT"? (if',
  ),
  options("retry: true", "retry must be an object, or false, not true"),
  options("breaker: true", "breaker must be an object, or false, not true"),
  options("log: true", 'log must be "info" or "debug", not true'),
  options('log: "warn"', 'log must be "info" or "debug", not "warn"'),
  options("a logger", 'log must be "info" or "debug", not {}'),
  options(
    "dns.servers as text",
    'dns.servers must be a list of IP addresses, each "address" or "address:port", not "10.0.0.2"',
  ),
  options("retry.codes as text", 'retry.codes must be a list of Codes of @connectrpc/connect, not ["unavailable"]'),
  options("one interceptor, not a list", "interceptors must be a list, each entry a function, not a function"),
  options("sendCompression as text", "connect.sendCompression must be an object"),
  options("tls.rejectUnauthorized", 'unknown option "tls.rejectUnauthorized"'),
  options("more attempts than there may be", "retry.maxAttempts must be a whole number from 1 to 10, not 11"),
];
