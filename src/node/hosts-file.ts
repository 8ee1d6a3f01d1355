import { isIP } from "node:net";
import type { AddressRecord } from "../dns/client.ts";
import { canonicalIp } from "../dns/ip-address.ts";
import { canonicalName } from "../dns/name.ts";
import type { Clock } from "../runtime.ts";
import { createCachedFile } from "./cached-file.ts";

/** The file has no TTL; this says how soon a change of it shows. */
const TTL_SECONDS = 60;

export type HostsFile = ReadonlyMap<string, readonly AddressRecord[]>;

/** The addresses that the system gives to host names itself. They come before DNS, for addresses only, never for SRV. */
export function createHostsFile(clock: Clock, path = "/etc/hosts"): () => Promise<HostsFile> {
  return createCachedFile(path, parseHosts, clock);
}

export function parseHosts(text: string): HostsFile {
  const hosts = new Map<string, AddressRecord[]>();
  for (const line of text.split("\n")) {
    const [first = "", ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
    const address = isIP(first) === 0 ? undefined : canonicalIp(first);
    if (address === undefined) continue;
    for (const name of names.map(canonicalName)) {
      const known = hosts.get(name) ?? [];
      if (known.some((record) => record.address === address)) continue;
      hosts.set(name, [...known, { address, ttlSeconds: TTL_SECONDS }]);
    }
  }
  return hosts;
}
