import { defaults } from "../config/defaults.ts";
import type { DnsOptions } from "../config/options.ts";
import { sampleSizeOf } from "../discovery/partial-answers.ts";
import type { Resolver } from "../discovery/resolver.ts";
import { hostAndPort } from "../endpoint.ts";
import { parseHostPort } from "../net/host-port.ts";
import type { Environment } from "../runtime.ts";
import { consulDns, consulHttp } from "./consul/consul-schemes.ts";
import { createHostResolver } from "./dns.ts";
import type { Registries, Scheme, Target } from "./scheme.ts";
import { createSrvResolver } from "./srv.ts";
import { createStaticResolver } from "./static.ts";

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
  { servers, transport, family = defaults.dns.family }: DnsOptions,
  { createStubResolver, httpGet, readTextFile }: Registries,
  env: Environment,
): Resolver {
  return target.scheme.resolver(target, {
    family,
    transport,
    httpGet,
    readTextFile,
    env,
    systemDns: () => createStubResolver({ servers, transport: transport ?? defaults.dns.transport }),
    dns: (named, own = {}) => {
      const asked = named.servers.map((server) => withPort(server, own.port ?? 53));
      return createStubResolver({
        servers: asked.length === 0 ? servers : asked,
        transport: transport ?? own.transport ?? defaults.dns.transport,
      });
    },
  });
}

function withPort(server: string, defaultPort: number): string {
  const { host, port } = parseHostPort(server, defaultPort);
  return hostAndPort(host, port);
}
