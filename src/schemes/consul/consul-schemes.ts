import { quotedUnlessSecret } from "../../common/secret.ts";
import { defaults } from "../../config/defaults.ts";
import { booleanParser } from "../../config/parse-value.ts";
import { checkHostName } from "../../net/host-name.ts";
import { type HostPort, parseHostPort } from "../../net/host-port.ts";
import type { Scheme } from "../scheme.ts";
import { consulCredentials } from "./consul-credentials.ts";
import { createConsulResolver } from "./consul-dns.ts";
import { consulTenancy, consulTls } from "./consul-environment.ts";
import { createConsulHttpResolver } from "./consul-http.ts";

const CONSUL_DNS_PORT = 8600;
/** What Consul's API, its DNS and its documentation call them elsewhere. */
const CONSUL_SYNONYMS = new Map([
  ["namespace", "ns"],
  ["ap", "partition"],
  ["admin-partition", "partition"],
  ["datacenter", "dc"],
  ["cluster-peer", "peer"],
  ["alt-domain", "domain"],
]);

/** Consul's DNS. */
export const consulDns: Scheme = {
  example: "consul:///users?tag=canary",
  keys: ["tag", "dc", "peer", "ns", "partition", "query", "domain"],
  synonyms: CONSUL_SYNONYMS,
  servers: "addresses",
  resolver: (target, { family, transport, dns, systemDns, env }) =>
    createConsulResolver({
      target: target.text,
      service: target.name,
      tag: target.query.tag,
      dc: target.query.dc,
      peer: target.query.peer,
      ...consulTenancy(target.query, env),
      domain: target.query.domain,
      preparedQuery: target.query.query,
      dns: dns(target, { port: CONSUL_DNS_PORT, transport: defaults.dns.transportToConsul }),
      overUdp: transport === "udp",
      systemDns: systemDns(),
      family,
    }),
};

/** Consul's health API. */
export function consulHttp(scheme: "consul+http" | "consul+https", defaultPort: number): Scheme {
  return {
    example: `${scheme}://127.0.0.1:${defaultPort}/users`,
    keys: ["tag", "dc", "peer", "ns", "partition", "near", "filter", "passing", "query", "domain"],
    synonyms: CONSUL_SYNONYMS,
    repeatable: ["tag"],
    secrets: new Map([
      ["token", "CONSUL_HTTP_TOKEN"],
      ["auth", "CONSUL_HTTP_AUTH"],
      ["password", "CONSUL_HTTP_AUTH"],
    ]),
    servers: "named",
    resolver: ({ text, name, query, lists, servers }, { family, systemDns, httpGet, readTextFile, env }) =>
      createConsulHttpResolver({
        target: text,
        service: name,
        tags: lists.tag ?? [],
        dc: query.dc,
        peer: query.peer,
        ...consulTenancy(query, env),
        domain: query.domain,
        near: query.near,
        filter: query.filter,
        passing: booleanOf("passing", query.passing),
        preparedQuery: query.query,
        agents: servers.map((server) => agentOf(server, defaultPort)),
        tls: scheme === "consul+https" && consulTls(env),
        credentials: () => consulCredentials(env, readTextFile),
        get: httpGet,
        dns: systemDns(),
        family,
      }),
  };
}

function booleanOf(key: string, text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined;
  const { value } = booleanParser.parse(text);
  if (typeof value === "boolean") return value;
  throw new TypeError(`"${key}" in its query must be ${booleanParser.description}, not ${quotedUnlessSecret(text)}`);
}

function agentOf(server: string, defaultPort: number): HostPort {
  const { host, port } = parseHostPort(server, defaultPort);
  return { host: checkHostName(host), port };
}
