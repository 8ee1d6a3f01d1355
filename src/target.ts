import { isServerAddress } from "./config/kinds.ts";
import { nearest, suggestion } from "./config/nearest.ts";
import type { DnsOptions } from "./config/options.ts";
import { createConsulResolver } from "./discovery/consul.ts";
import { createHostResolver } from "./discovery/host.ts";
import { parseHostPort } from "./discovery/host-port.ts";
import type { Resolver } from "./discovery/resolver.ts";
import { createSrvResolver } from "./discovery/srv.ts";
import { createStaticResolver } from "./discovery/static.ts";
import type { AddressFamily, DnsClient } from "./dns/client.ts";
import { ConfigurationError } from "./errors.ts";

/** Makes a DNS client of the platform. Without servers, the system's are asked. */
export type DnsClientFactory = (options: {
  readonly servers: readonly string[] | undefined;
  readonly transport: "udp" | "tcp";
}) => DnsClient;

/** A target taken apart: `scheme://[authority]/name[?key=value]` (gRPC's naming form). */
interface Target {
  readonly text: string;
  /** The registry server to ask; "" for the system's resolvers. */
  readonly authority: string;
  readonly name: string;
  readonly query: Readonly<Record<string, string>>;
}

interface Scheme {
  readonly example: string;
  /** What the query may say. */
  readonly keys: readonly string[];
  /** Whether a registry server can be named. */
  readonly hasAuthority: boolean;
  resolver(target: Target, sources: Sources): Resolver;
}

/** What resolvers ask, by what a target and the options say. */
interface Sources {
  readonly family: AddressFamily;
  /** The DNS server that the target names, else those of the options, else the system's. */
  dns(target: Target, defaults?: { readonly port?: number; readonly transport?: "tcp" }): DnsClient;
  readonly systemDns: DnsClient;
}

const CONSUL_DNS_PORT = 8600;

const schemes: Readonly<Record<string, Scheme>> = {
  srv: {
    example: "srv:///_grpc._tcp.users.example.com",
    keys: [],
    hasAuthority: true,
    resolver: (target, { family, dns }) =>
      createSrvResolver({ target: target.text, name: target.name, dns: dns(target), family }),
  },
  consul: {
    example: "consul:///users?tag=canary",
    keys: ["tag", "dc"],
    hasAuthority: true,
    resolver: (target, { family, dns, systemDns }) =>
      createConsulResolver({
        target: target.text,
        service: target.name,
        tag: target.query.tag,
        dc: target.query.dc,
        // TCP: over UDP Consul leaves instances out without saying so.
        dns: dns(target, { port: CONSUL_DNS_PORT, transport: "tcp" }),
        systemDns,
        family,
      }),
  },
  dns: {
    example: "dns:///users.example.com:8443",
    keys: [],
    hasAuthority: true,
    resolver: (target, { family, dns }) =>
      createHostResolver({ target: target.text, ...parseHostPort(target.name), dns: dns(target), family }),
  },
  static: {
    example: "static:///10.0.0.1:8080,10.0.0.2:8080",
    keys: [],
    hasAuthority: false,
    resolver: (target, { family, systemDns }) =>
      createStaticResolver({ target: target.text, entries: target.name.split(","), dns: systemDns, family }),
  },
};

/**
 * The resolver of a target URI. Nothing is looked up.
 * @throws ConfigurationError that says what is wrong with the target.
 */
export function resolverOf(text: string, options: DnsOptions, createDnsClient: DnsClientFactory): Resolver {
  const { scheme, target } = parse(text);
  const { servers, transport, family = "auto" } = options;
  const systemDns = createDnsClient({ servers, transport: transport ?? "udp" });
  const sources: Sources = {
    family,
    systemDns,
    dns: ({ authority }, defaults = {}) => {
      const asked = authority === "" ? servers : [withPort(authority, defaults.port)];
      return createDnsClient({ servers: asked, transport: transport ?? defaults.transport ?? "udp" });
    },
  };
  try {
    return scheme.resolver(target, sources);
  } catch (error) {
    throw problem(text, error instanceof Error ? error.message : String(error));
  }
}

function parse(text: string): { readonly scheme: Scheme; readonly target: Target } {
  const match = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/i.exec(text);
  if (match === null) throw problem(text, `it must have the form scheme://[server]/name, ${advice(text)}`);
  const [, schemeName = "", authority = "", name = "", query = ""] = match;
  const scheme = Object.hasOwn(schemes, schemeName.toLowerCase()) ? schemes[schemeName.toLowerCase()] : undefined;
  if (scheme === undefined) {
    throw problem(text, `there is no scheme "${schemeName}"${suggestion(schemeName, Object.keys(schemes))}`);
  }
  if (authority.includes("@")) throw problem(text, "credentials do not belong into a target");
  if (name === "") {
    if (authority === "") throw problem(text, `it has no name, as in "${scheme.example}"`);
    const meant =
      scheme.hasAuthority && isServerAddress(authority)
        ? scheme.example.replace(":///", `://${authority}/`)
        : `${schemeName}:///${authority}`;
    throw problem(text, `it has no name after the server, as in "${meant}"`);
  }
  if (name.includes("/")) throw problem(text, "its name has a slash; one name stands after the server");
  if (authority !== "" && !scheme.hasAuthority) {
    throw problem(text, `"${schemeName}" asks no server; write three slashes, as in "${scheme.example}"`);
  }
  if (authority !== "" && !isServerAddress(authority)) {
    throw problem(
      text,
      `the server "${authority}" must be an IP address, or address:port; for the system's DNS servers write "${schemeName}:///${name}"`,
    );
  }
  return { scheme, target: { text, authority, name: decoded(text, name), query: queryOf(text, query, scheme) } };
}

function queryOf(text: string, query: string, scheme: Scheme): Record<string, string> {
  const values: Record<string, string> = {};
  for (const [key, value] of new URLSearchParams(query)) {
    if (!scheme.keys.includes(key)) {
      const known = scheme.keys.length === 0 ? "; this scheme has none" : suggestion(key, scheme.keys);
      throw problem(text, `unknown key "${key}" in its query${known}`);
    }
    if (value === "") throw problem(text, `"${key}" in its query is empty`);
    if (Object.hasOwn(values, key)) throw problem(text, `"${key}" stands twice in its query`);
    values[key] = value;
  }
  return values;
}

function decoded(text: string, name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    throw problem(text, "it has a percent sign that starts no escape");
  }
}

function withPort(authority: string, defaultPort: number | undefined): string {
  const { host, port } = parseHostPort(authority, defaultPort ?? 53);
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** What somebody who forgot the form probably meant. */
function advice(text: string): string {
  if (/^[a-z0-9+.-]+:[^/]/i.test(text) && nearest(text.split(":")[0] as string, Object.keys(schemes)) !== undefined) {
    return `such as "${text.replace(":", ":///")}"`;
  }
  if (/^_[^._]+\._(tcp|udp)\./i.test(text)) return `such as "srv:///${text}"`;
  if (/^[\w.-]+:\d+$/.test(text)) return `such as "dns:///${text}"`;
  return `such as "${schemes.srv?.example}"`;
}

function problem(text: string, what: string): ConfigurationError {
  // Whatever stands before an @ may be a password.
  const shown = text.replace(/\/\/[^/@]*@/, "//***@");
  return new ConfigurationError([`target "${shown.length > 200 ? `${shown.slice(0, 200)}...` : shown}": ${what}`]);
}
