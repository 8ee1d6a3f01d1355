import type { Environment } from "./config/environment.ts";
import type { DnsOptions } from "./config/options.ts";
import type { TlsOptions } from "./config/wire-options.ts";
import { writtenBoolean } from "./config/written.ts";
import { createConsulResolver } from "./discovery/consul.ts";
import { createConsulHttpResolver } from "./discovery/consul-http.ts";
import { createHostResolver } from "./discovery/host.ts";
import { type HostPort, parseHostPort } from "./discovery/host-port.ts";
import type { HttpGet } from "./discovery/http.ts";
import type { Resolver } from "./discovery/resolver.ts";
import { sampleSizeOf } from "./discovery/samples.ts";
import { createSrvResolver } from "./discovery/srv.ts";
import { createStaticResolver } from "./discovery/static.ts";
import type { AddressFamily, DnsClient } from "./dns/client.ts";
import { hostAndPort } from "./endpoint.ts";
import { checkHostName, hostNameFromUser, hostNameHint } from "./net/host-name.ts";
import { quoted } from "./quoted.ts";
import type { Target } from "./target.ts";

/** Makes a DNS client of the platform. Without servers, the system's are asked. */
export type DnsClientFactory = (options: {
  readonly servers: readonly string[] | undefined;
  readonly transport: "udp" | "tcp";
}) => DnsClient;

/** What resolvers ask with. */
export interface Registries {
  readonly createDnsClient: DnsClientFactory;
  readonly httpGet: HttpGet;
}

export interface Scheme {
  readonly example: string;
  /** What the query may say. */
  readonly keys: readonly string[];
  /** Which of them may stand there more than once. */
  readonly repeatable?: readonly string[];
  /** What somebody might write into the query although it is a secret, and the variable that it belongs into. */
  readonly secrets?: ReadonlyMap<string, string>;
  /** Whether registry servers can be named: by IP address, and the system's where there is none; or by name too, and there must be one. */
  readonly servers: "none" | "addresses" | "named";
  /** @throws an error that says what is wrong with the target. */
  resolver(target: Target, asking: Asking): Resolver;
}

/** What resolvers ask, by what a target and the options say. */
interface Asking {
  readonly family: AddressFamily;
  /** Undefined where nobody has chosen one. */
  readonly transport: "udp" | "tcp" | undefined;
  /** The DNS servers that the target names, else those of the options, else the system's. */
  dns(target: Target, defaults?: { readonly port?: number; readonly transport?: "tcp" }): DnsClient;
  readonly systemDns: DnsClient;
  readonly httpGet: HttpGet;
  readonly env: Environment;
}

const CONSUL_DNS_PORT = 8600;

/** The schemes of targets. */
export const schemes: Readonly<Record<string, Scheme>> = {
  srv: {
    example: "srv:///_grpc._tcp.users.example.com",
    keys: ["sample"],
    servers: "addresses",
    resolver: (target, { family, dns }) =>
      createSrvResolver({
        target: target.text,
        name: target.name,
        sampleSize: sampleSizeOf(target.query.sample),
        dns: dns(target),
        family,
      }),
  },
  consul: {
    example: "consul:///users?tag=canary",
    keys: ["tag", "dc", "query"],
    servers: "addresses",
    resolver: (target, { family, transport, dns, systemDns }) =>
      createConsulResolver({
        target: target.text,
        service: target.name,
        tag: target.query.tag,
        dc: target.query.dc,
        preparedQuery: target.query.query,
        // TCP: over UDP Consul leaves instances out without saying so.
        dns: dns(target, { port: CONSUL_DNS_PORT, transport: "tcp" }),
        overUdp: transport === "udp",
        systemDns,
        family,
      }),
  },
  "consul+http": consulHttp("consul+http", 8500),
  "consul+https": consulHttp("consul+https", 8501),
  dns: {
    example: "dns:///users.example.com:8443",
    keys: ["sample"],
    servers: "addresses",
    resolver: (target, { family, dns }) =>
      createHostResolver({
        target: target.text,
        ...parseHostPort(target.name),
        sampleSize: sampleSizeOf(target.query.sample),
        dns: dns(target),
        family,
      }),
  },
  static: {
    example: "static:///10.0.0.1:8080,10.0.0.2:8080",
    keys: [],
    servers: "none",
    resolver: (target, { family, systemDns }) =>
      createStaticResolver({ target: target.text, entries: target.name.split(","), dns: systemDns, family }),
  },
};

function consulHttp(scheme: "consul+http" | "consul+https", defaultPort: number): Scheme {
  return {
    example: `${scheme}://127.0.0.1:${defaultPort}/users`,
    keys: ["tag", "dc", "near", "filter", "passing", "query"],
    repeatable: ["tag"],
    secrets: new Map([["token", "CONSUL_HTTP_TOKEN"]]),
    servers: "named",
    resolver: ({ text, name, query, lists, servers }, { family, systemDns, httpGet, env }) =>
      createConsulHttpResolver({
        target: text,
        service: name,
        tags: lists.tag ?? [],
        dc: query.dc,
        near: query.near,
        filter: query.filter,
        passing: booleanOf("passing", query.passing),
        preparedQuery: query.query,
        agents: servers.map((server) => agentOf(server, defaultPort)),
        tls: scheme === "consul+https" && consulTls(env),
        // At each look-up, so that a token can be replaced while the process runs.
        token: () => env.CONSUL_HTTP_TOKEN,
        get: httpGet,
        dns: systemDns,
        family,
      }),
  };
}

function booleanOf(key: string, text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined;
  const { value } = writtenBoolean.read(text);
  if (typeof value === "boolean") return value;
  throw new TypeError(`"${key}" in its query must be ${writtenBoolean.description}, not ${JSON.stringify(text)}`);
}

function agentOf(server: string, defaultPort: number): HostPort {
  const { host, port } = parseHostPort(server, defaultPort);
  return { host: checkHostName(host), port };
}

function consulServerName(text: string): string {
  const name = hostNameFromUser(text);
  if (name !== undefined) return name;
  throw new TypeError(`CONSUL_TLS_SERVER_NAME must be a host name, not ${quoted(text)}${hostNameHint(text)}`);
}

/** The variables of Consul's own command line that say how its certificates are verified. */
function consulTls({ CONSUL_CACERT, CONSUL_CLIENT_CERT, CONSUL_CLIENT_KEY, CONSUL_TLS_SERVER_NAME }: Environment) {
  const tls: TlsOptions = {};
  if (CONSUL_CACERT) tls.ca = `file:${CONSUL_CACERT}`;
  if (CONSUL_CLIENT_CERT) tls.cert = `file:${CONSUL_CLIENT_CERT}`;
  if (CONSUL_CLIENT_KEY) tls.key = `file:${CONSUL_CLIENT_KEY}`;
  if (CONSUL_TLS_SERVER_NAME) tls.serverName = consulServerName(CONSUL_TLS_SERVER_NAME);
  return tls;
}

/** The resolver of a target. Nothing is looked up. */
export function schemeResolver(
  target: Target,
  { servers, transport, family = "auto" }: DnsOptions,
  { createDnsClient, httpGet }: Registries,
  env: Environment,
): Resolver {
  return target.scheme.resolver(target, {
    family,
    transport,
    httpGet,
    env,
    systemDns: createDnsClient({ servers, transport: transport ?? "udp" }),
    dns: (named, defaults = {}) => {
      const asked = named.servers.map((server) => withPort(server, defaults.port ?? 53));
      return createDnsClient({
        servers: asked.length === 0 ? servers : asked,
        transport: transport ?? defaults.transport ?? "udp",
      });
    },
  });
}

function withPort(server: string, defaultPort: number): string {
  const { host, port } = parseHostPort(server, defaultPort);
  return hostAndPort(host, port);
}
