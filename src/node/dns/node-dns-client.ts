import type { AddressFamily, AddressRecord, DnsClient } from "../../dns/dns-client.ts";
import { checkName, isLocalhost } from "../../dns/name.ts";
import type { ServerConfig } from "../../dns/query-servers.ts";
import { createStubResolver } from "../../dns/stub-resolver.ts";
import { parseHostPort } from "../../net/host-port.ts";
import type { Runtime } from "../../runtime.ts";
import { ofFamily } from "../../schemes/families.ts";
import { loadEarly } from "../load-early.ts";
import { createHostsFile } from "./hosts-file.ts";
import { nodeDnsSockets } from "./node-dns-sockets.ts";
import { createOwnFamilies } from "./own-families.ts";
import { createSystemServers } from "./resolv-conf.ts";

export interface NodeDnsClientOptions {
  /** "address" or "address:port", an IPv6 address in brackets. Default: the system's. */
  readonly servers?: readonly string[] | undefined;
  /** "tcp" never uses UDP. Default "udp". */
  readonly transport?: "udp" | "tcp" | undefined;
}

const DNS_PORT = 53;

/** The DNS client of Node: its own sockets, the system's servers and its hosts file. Creating it reads nothing. */
export function createNodeDnsClient(options: NodeDnsClientOptions, runtime: Runtime): DnsClient {
  loadEarly("node:crypto", options.transport === "tcp" ? "node:net" : "node:dgram");
  const servers = options.servers?.length ? fixed(options.servers) : createSystemServers(runtime.clock);
  const hosts = createHostsFile(runtime.clock);
  const hasFamily = createOwnFamilies(runtime.clock);
  const client = createStubResolver({
    servers,
    sockets: nodeDnsSockets,
    runtime,
    transport: options.transport,
    hasFamily,
  });
  return {
    srv: client.srv,
    async addresses(name, limits, family = "auto") {
      const host = checkName(name);
      const records = wanted(await hosts(host), family);
      // Many a hosts file has "localhost" for one family only, and a server that listens on the other one.
      if (records.length > 0 && !isLocalhost(host)) return { kind: "records", records };
      const answer = await client.addresses(name, limits, family);
      return answer.kind === "records" ? { ...answer, records: [...records, ...answer.records] } : answer;
    },
    hasFamily,
  };
}

function wanted(records: readonly AddressRecord[], family: AddressFamily): readonly AddressRecord[] {
  return family === "auto" ? records : ofFamily(records, family);
}

function fixed(servers: readonly string[]): () => Promise<ServerConfig> {
  const parsed = servers.map((server) => parseHostPort(server, DNS_PORT));
  const config = { servers: parsed.map(({ host, port }) => ({ address: host, port })) };
  return async () => config;
}
