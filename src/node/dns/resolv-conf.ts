import { isIP } from "node:net";
import type { ServerConfig } from "../../dns/query-servers.ts";
import { parseHostPort } from "../../net/host-port.ts";
import type { Clock } from "../../runtime.ts";
import { createCachedFile } from "./cached-file.ts";

const DNS_PORT = 53;
/** As in the C library, which ignores more than these (resolv.conf(5)). */
const MAX_SERVERS = 3;
const MAX_TIMEOUT_SECONDS = 30;
const MAX_ATTEMPTS = 5;

/**
 * The system's DNS servers: those of resolv.conf, and where there is none, as on Windows, those that Node has found, or
 * was given by `dns.setServers()`.
 */
export function createSystemServers(
  clock: Clock,
  { path = "/etc/resolv.conf", platform = process.platform } = {},
): () => Promise<ServerConfig> {
  // There, everybody may make a C:\etc.
  if (platform === "win32") return async () => serversOfNode();
  const wayOut = ", or set dns.servers";
  return createCachedFile({ path, clock, parse: parseResolvConf, missing: serversOfNode, wayOut });
}

/** None where `dns.setServers([])` was called. */
function serversOfNode(): ServerConfig {
  const servers = process.getBuiltinModule("node:dns").getServers();
  return {
    servers: servers.map((server) => {
      const { host, port } = parseHostPort(server, DNS_PORT);
      return { address: host, port };
    }),
  };
}

/** `search` and `ndots` are not read: the names that are looked up are absolute. */
export function parseResolvConf(text: string): ServerConfig {
  const lines = text.split("\n").map((line) => line.trim().split(/\s+/));
  const addresses = lines.flatMap(([keyword, address = ""]) => {
    return keyword === "nameserver" && isIP(address) !== 0 ? [address] : [];
  });
  const options = lines.flatMap(([keyword, ...words]) => (keyword === "options" ? words : []));
  const timeout = numberOf(options, "timeout", MAX_TIMEOUT_SECONDS);
  const attempts = numberOf(options, "attempts", MAX_ATTEMPTS);
  return {
    // Without any, the server is on this machine (resolv.conf(5)).
    servers: (addresses.length > 0 ? addresses.slice(0, MAX_SERVERS) : ["127.0.0.1"]).map((address) => {
      return { address, port: DNS_PORT };
    }),
    ...(timeout === undefined ? {} : { timeoutMs: timeout * 1000 }),
    ...(attempts === undefined ? {} : { attempts }),
    rotate: options.includes("rotate"),
    tcpOnly: options.includes("use-vc"),
  };
}

function numberOf(options: readonly string[], name: string, max: number): number | undefined {
  const text = options.findLast((option) => option.startsWith(`${name}:`))?.slice(name.length + 1);
  const value = text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
  return value === undefined ? undefined : Math.min(Math.max(value, 1), max);
}
