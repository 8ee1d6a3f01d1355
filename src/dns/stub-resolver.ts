import { isLinkLocal } from "../net/ip-address.ts";
import type { Runtime } from "../runtime.ts";
import { askBothFamilies, type HasFamily } from "./both-families.ts";
import type { AddressAnswer, AddressFamily, DnsClient, LookUpLimits } from "./dns-client.ts";
import type { DnsSockets } from "./dns-sockets.ts";
import { type ChainAnswer, followCnames } from "./follow-cnames.ts";
import type { DnsRecord, Question } from "./message.ts";
import { checkName, isLocalhost } from "./name.ts";
import type { QueryContext } from "./query-server.ts";
import { exchange, type ServerConfig } from "./query-servers.ts";

export interface DnsClientOptions {
  /** Asked before each question: the system's configuration may change. */
  readonly servers: () => Promise<ServerConfig>;
  readonly sockets: DnsSockets;
  readonly runtime: Runtime;
  /** "tcp" never uses UDP. Default "udp". */
  readonly transport?: "udp" | "tcp" | undefined;
  /** Default: it has both. */
  readonly hasFamily?: HasFamily;
}

/** A stub resolver over sockets: no cache, no timer of its own, nothing kept but which servers do not know EDNS. */
export function createStubResolver(options: DnsClientOptions): DnsClient {
  const { hasFamily = () => true } = options;
  const context: QueryContext = {
    sockets: options.sockets,
    runtime: options.runtime,
    transport: options.transport ?? "udp",
    withoutEdns: new Map(),
  };
  const ask = async (question: Question, limits: LookUpLimits): Promise<ChainAnswer> => {
    const askServers = async (next: Question) => exchange(next, await options.servers(), limits, context);
    const answer = await askServers(question);
    return answer.kind === "alias" ? followCnames(question, answer, askServers) : answer;
  };
  const addressesOf = async (name: string, type: "A" | "AAAA", limits: LookUpLimits): Promise<AddressAnswer> => {
    const answer = await ask({ name, type }, limits);
    if (answer.kind !== "records") return answer;
    const records = answer.records.flatMap((record) => {
      if (record.type !== type || isLinkLocal(record.address)) return [];
      return [{ address: record.address, ttlSeconds: answer.ttlSeconds }];
    });
    return records.length > 0 ? { kind: "records", records } : { kind: "nodata", ttlSeconds: answer.ttlSeconds };
  };
  return {
    async srv(name, limits) {
      const answer = await ask({ name: checkName(name), type: "SRV" }, limits);
      if (answer.kind !== "records") return answer;
      const records = answer.records.flatMap((record) => {
        if (record.type !== "SRV") return [];
        const { priority, weight, port, target } = record;
        return [{ priority, weight, port, target, ttlSeconds: answer.ttlSeconds }];
      });
      const { additionals, unspellable } = answer;
      return { kind: "records", records, addresses: addressesIn(additionals, records), unspellable };
    },
    async addresses(name, limits, family = "auto") {
      const host = checkName(name);
      if (isLocalhost(host)) return loopback(family);
      if (family !== "auto") return addressesOf(host, family === "ipv6" ? "AAAA" : "A", limits);
      return askBothFamilies((type, within) => addressesOf(host, type, within), limits, options.runtime, hasFamily);
    },
  };
}

/** Additional records rank lowest: hints for this answer's own targets, nothing else (RFC 2181 section 5.4.1). */
function addressesIn(additionals: readonly DnsRecord[], records: readonly { readonly target: string }[]) {
  const targets = new Set(records.map((record) => record.target));
  const found = new Map<string, { address: string; ttlSeconds: number }[]>();
  for (const record of additionals) {
    if (record.type !== "A" && record.type !== "AAAA") continue;
    if (!targets.has(record.name) || isLinkLocal(record.address)) continue;
    const list = found.get(record.name) ?? [];
    found.set(record.name, [...list, { address: record.address, ttlSeconds: record.ttlSeconds }]);
  }
  return found;
}

/** Never asked of a server (RFC 6761 section 6.3). What listens on "localhost" listens on one of the two, as a rule. */
function loopback(family: AddressFamily): AddressAnswer {
  const addresses = { auto: ["127.0.0.1", "::1"], ipv4: ["127.0.0.1"], ipv6: ["::1"] }[family];
  return {
    kind: "records",
    records: addresses.map((address) => ({ address, ttlSeconds: LOOPBACK_TTL_SECONDS })),
  };
}

const LOOPBACK_TTL_SECONDS = 86_400;
