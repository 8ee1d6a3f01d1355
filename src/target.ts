import { isServerAddress } from "./config/kinds.ts";
import { nearest, suggestion } from "./config/nearest.ts";
import { optionTable, variableOf } from "./config/option-table.ts";
import type { DnsOptions } from "./config/options.ts";
import { readWritten, type Source } from "./config/sources.ts";
import { createConsulResolver } from "./discovery/consul.ts";
import { createHostResolver } from "./discovery/host.ts";
import { parseHostPort } from "./discovery/host-port.ts";
import type { Resolver } from "./discovery/resolver.ts";
import { sampleSizeOf } from "./discovery/samples.ts";
import { createSrvResolver } from "./discovery/srv.ts";
import { createStaticResolver } from "./discovery/static.ts";
import type { AddressFamily, DnsClient } from "./dns/client.ts";
import { ConfigurationError } from "./errors.ts";

/** Makes a DNS client of the platform. Without servers, the system's are asked. */
export type DnsClientFactory = (options: {
  readonly servers: readonly string[] | undefined;
  readonly transport: "udp" | "tcp";
}) => DnsClient;

/** The option that gives a target; for messages. */
export type TargetOption = "target" | "fallbackTarget";

/** A target taken apart: `scheme://[authority]/name[?key=value]` (gRPC's naming form). */
export interface Target {
  readonly option: TargetOption;
  readonly scheme: Scheme;
  readonly text: string;
  /** The registry server to ask; "" for the system's resolvers. */
  readonly authority: string;
  readonly name: string;
  /** What the query says to the scheme. */
  readonly query: Readonly<Record<string, string>>;
  /** What it says of the transport's options. */
  readonly options: Source;
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
  /** Undefined where nobody has chosen one. */
  readonly transport: "udp" | "tcp" | undefined;
  /** The DNS server that the target names, else those of the options, else the system's. */
  dns(target: Target, defaults?: { readonly port?: number; readonly transport?: "tcp" }): DnsClient;
  readonly systemDns: DnsClient;
}

const CONSUL_DNS_PORT = 8600;

const schemes: Readonly<Record<string, Scheme>> = {
  srv: {
    example: "srv:///_grpc._tcp.users.example.com",
    keys: ["sample"],
    hasAuthority: true,
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
    keys: ["tag", "dc"],
    hasAuthority: true,
    resolver: (target, { family, transport, dns, systemDns }) =>
      createConsulResolver({
        target: target.text,
        service: target.name,
        tag: target.query.tag,
        dc: target.query.dc,
        // TCP: over UDP Consul leaves instances out without saying so.
        dns: dns(target, { port: CONSUL_DNS_PORT, transport: "tcp" }),
        overUdp: transport === "udp",
        systemDns,
        family,
      }),
  },
  dns: {
    example: "dns:///users.example.com:8443",
    keys: ["sample"],
    hasAuthority: true,
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
    hasAuthority: false,
    resolver: (target, { family, systemDns }) =>
      createStaticResolver({ target: target.text, entries: target.name.split(","), dns: systemDns, family }),
  },
};

/** The resolver of a target. Nothing is looked up. */
export function resolverOf(target: Target, options: DnsOptions, createDnsClient: DnsClientFactory): Resolver {
  const { servers, transport, family = "auto" } = options;
  const sources: Sources = {
    family,
    transport,
    systemDns: createDnsClient({ servers, transport: transport ?? "udp" }),
    dns: ({ authority }, defaults = {}) => {
      const asked = authority === "" ? servers : [withPort(authority, defaults.port)];
      return createDnsClient({ servers: asked, transport: transport ?? defaults.transport ?? "udp" });
    },
  };
  try {
    return target.scheme.resolver(target, sources);
  } catch (error) {
    throw new ConfigurationError([
      problem(target.option, target.text, error instanceof Error ? error.message : String(error)),
    ]);
  }
}

/**
 * Takes a target URI apart.
 * @throws ConfigurationError with everything that is wrong with it.
 */
export function parseTarget(text: string, option: TargetOption = "target"): Target {
  const problems: string[] = [];
  const target = parse(text, option, (what) => problems.push(problem(option, text, what)));
  if (target === undefined || problems.length > 0) throw new ConfigurationError(problems);
  return target;
}

function parse(text: string, option: TargetOption, report: (what: string) => void): Target | undefined {
  const match = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/i.exec(text);
  if (match === null) {
    report(`it must have the form scheme://[server]/name, ${advice(text)}`);
    return undefined;
  }
  const [, schemeName = "", authority = "", name = "", query = ""] = match;
  const scheme = Object.hasOwn(schemes, schemeName.toLowerCase()) ? schemes[schemeName.toLowerCase()] : undefined;
  if (scheme === undefined) {
    report(`there is no scheme "${schemeName}"${suggestion(schemeName, Object.keys(schemes))}`);
    return undefined;
  }
  const server = authority === "" || isServerAddress(authority);
  if (authority.includes("@")) {
    report("credentials do not belong into a target");
  } else if (name === "") {
    if (authority === "") report(`it has no name, as in "${scheme.example}"`);
    else report(`it has no name after the server, as in "${withName(scheme, schemeName, authority, server)}"`);
  } else if (authority !== "" && !scheme.hasAuthority) {
    report(`"${schemeName}" asks no server; write three slashes, as in "${scheme.example}"`);
  } else if (!server) {
    const system = `for the system's DNS servers write "${schemeName}:///${name}"`;
    report(`the server "${authority}" must be an IP address, or address:port; ${system}`);
  }
  if (name.includes("/")) report("its name has a slash; one name stands after the server");
  return { option, scheme, text, authority, name: decoded(name, report), ...queryOf(query, scheme, option, report) };
}

function withName(scheme: Scheme, schemeName: string, authority: string, isServer: boolean): string {
  return scheme.hasAuthority && isServer
    ? scheme.example.replace(":///", `://${authority}/`)
    : `${schemeName}:///${authority}`;
}

/** The query's keys: those of the scheme, and the options that can be written down and are no secrets. */
function queryOf(
  query: string,
  scheme: Scheme,
  option: TargetOption,
  report: (what: string) => void,
): Pick<Target, "query" | "options"> {
  const values: Record<string, string> = {};
  const options = new Map<string, unknown>();
  const seen = new Set<string>();
  for (const [key, value] of new URLSearchParams(query)) {
    const row = optionTable.find((option) => option.name === key);
    if (seen.has(key)) report(`"${key}" stands twice in its query`);
    else if (row?.secret) report(`"${key}" may be a secret, which has no place in a target; set ${variableOf(key)}`);
    else if (row?.notInTarget) report(`"${key}" has no place in a target; set ${variableOf(key)}`);
    else if (row !== undefined && option === "fallbackTarget") {
      report(`"${key}" in its query is an option of the whole transport, which only "target" can give`);
    } else if (row === undefined && !scheme.keys.includes(key)) {
      report(`unknown key "${key}" in its query${suggestion(key, [...scheme.keys, ...queryOptions])}`);
    } else if (value === "") report(`"${key}" in its query is empty`);
    else if (row === undefined) values[key] = value;
    else {
      const reading = readWritten(row, value, `"${key}" in its query`);
      if ("problem" in reading) report(reading.problem);
      else options.set(row.path, reading.value);
    }
    seen.add(key);
  }
  return { query: values, options };
}

const queryOptions = optionTable.flatMap(({ name, secret, notInTarget }) =>
  name === undefined || secret || notInTarget ? [] : [name],
);

function decoded(name: string, report: (what: string) => void): string {
  try {
    return decodeURIComponent(name);
  } catch {
    report("it has a percent sign that starts no escape");
    return name;
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

function problem(option: TargetOption, text: string, what: string): string {
  // Whatever stands before an @ may be a password, and what a key of a secret option says is a secret.
  const shown = text.replace(/\/\/[^/@]*@/, "//***@").replace(SECRET_KEYS, "$1***");
  return `${option} "${shown.length > 200 ? `${shown.slice(0, 200)}...` : shown}": ${what}`;
}

const SECRET_KEYS = new RegExp(
  `([?&](?:${optionTable.flatMap(({ name, secret }) => (secret && name ? [name] : [])).join("|")})=)[^&#]*`,
  "g",
);
