import type { Environment } from "./config/environment.ts";
import type { DnsOptions } from "./config/options.ts";
import { consulDns, consulHttp } from "./consul-schemes.ts";
import type { ReadTextFile } from "./discovery/consul-credentials.ts";
import { createHostResolver } from "./discovery/host.ts";
import { parseHostPort } from "./discovery/host-port.ts";
import type { HttpGet } from "./discovery/http.ts";
import type { Resolver } from "./discovery/resolver.ts";
import { sampleSizeOf } from "./discovery/samples.ts";
import { createSrvResolver } from "./discovery/srv.ts";
import { createStaticResolver } from "./discovery/static.ts";
import type { AddressFamily, DnsClient } from "./dns/client.ts";
import { hostAndPort } from "./endpoint.ts";
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
  readonly readTextFile: ReadTextFile;
}

export interface Scheme {
  readonly example: string;
  /** What the query may say. */
  readonly keys: readonly string[];
  /** What else somebody may call a key, and the key. */
  readonly synonyms?: ReadonlyMap<string, string>;
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
export interface Asking extends Pick<Registries, "httpGet" | "readTextFile"> {
  readonly family: AddressFamily;
  /** Undefined where nobody has chosen one. */
  readonly transport: "udp" | "tcp" | undefined;
  /** The DNS servers that the target names, else those of the options, else the system's. */
  dns(target: Target, defaults?: { readonly port?: number; readonly transport?: "tcp" }): DnsClient;
  readonly systemDns: DnsClient;
  readonly env: Environment;
}

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
  consul: consulDns,
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

/** The resolver of a target. Nothing is looked up. */
export function schemeResolver(
  target: Target,
  { servers, transport, family = "auto" }: DnsOptions,
  { createDnsClient, httpGet, readTextFile }: Registries,
  env: Environment,
): Resolver {
  return target.scheme.resolver(target, {
    family,
    transport,
    httpGet,
    readTextFile,
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
