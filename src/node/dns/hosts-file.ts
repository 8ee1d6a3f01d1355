import type { FileHandle } from "node:fs/promises";
import type { AddressRecord } from "../../dns/dns-client.ts";
import type { Clock } from "../../runtime.ts";
import { createVersionCheck, readSteadily, unreadable } from "./file-version.ts";
import { HostsSearch } from "./hosts-search.ts";

/** So much is read at a time, and searched within a millisecond or two. */
const PIECE_BYTES = 64 * 1024;
/** Names whose addresses are remembered: those of servers come and go. */
const MOST_NAMES = 1_000;

/** The addresses that the system's hosts file gives to a canonical name. */
export type HostsFile = (name: string) => Promise<readonly AddressRecord[]>;

type Found = ReadonlyMap<string, readonly AddressRecord[]>;

/** Where the system has its hosts file. */
export function hostsPath(platform: string, env: { readonly [name: string]: string | undefined }): string {
  if (platform !== "win32") return "/etc/hosts";
  return `${env.SystemRoot ?? "C:\\Windows"}\\System32\\drivers\\etc\\hosts`;
}

/**
 * The addresses that the system gives to host names itself. They come before DNS, for addresses only, never for SRV.
 *
 * The file may be of any size, so it is only searched for the names that are asked for, in pieces; what was found is kept
 * until the file changes. Where it cannot be read, what was found before goes on counting. For a name that was never
 * found this rejects then: without the file, DNS could lead to another server.
 */
export function createHostsFile(clock: Clock, path = hostsPath(process.platform, process.env)): HostsFile {
  const versionNow = createVersionCheck(path, clock);
  const search = createSearches(path);
  const known = new Map<string, { readonly version: string; readonly records: readonly AddressRecord[] }>();

  return async (name) => {
    try {
      const version = await versionNow();
      if (version === undefined) return [];
      const last = known.get(name);
      if (last?.version === version) return last.records;
      const found = await search(name);
      if (found === undefined) return [];
      const records = found.value.get(name) ?? [];
      // A file that never stood still is searched again.
      remember(name, { version: found.isSteady ? version : "", records });
      return records;
    } catch (error) {
      const last = known.get(name);
      if (last === undefined) throw unreadable(path, error, "");
      return last.records;
    }
  };

  function remember(
    name: string,
    entry: { readonly version: string; readonly records: readonly AddressRecord[] },
  ): void {
    known.delete(name);
    known.set(name, entry);
    const [oldest] = known.keys();
    if (known.size > MOST_NAMES && oldest !== undefined) known.delete(oldest);
  }
}

/** One search at a time; names that are asked for meanwhile wait for the next one, which searches for all of them. */
function createSearches(path: string): (name: string) => ReturnType<typeof searchOnce> {
  let next: { readonly names: Set<string>; readonly found: ReturnType<typeof searchOnce> } | undefined;
  let last: Promise<unknown> = Promise.resolve();
  return (name) => {
    if (next === undefined) {
      const names = new Set<string>();
      const found = last.then(() => {
        next = undefined;
        return searchOnce(path, names);
      });
      last = found.catch(() => {});
      next = { names, found };
    }
    next.names.add(name);
    return next.found;
  };
}

function searchOnce(path: string, names: ReadonlySet<string>) {
  return readSteadily(path, (file) => searchIn(file, names));
}

async function searchIn(file: FileHandle, names: ReadonlySet<string>): Promise<Found> {
  const search = new HostsSearch(names);
  const buffer = Buffer.allocUnsafe(PIECE_BYTES);
  for (let at = 0; ; ) {
    const { bytesRead } = await file.read(buffer, 0, PIECE_BYTES, at);
    if (bytesRead === 0) return search.end();
    at += bytesRead;
    search.read(buffer.toString("latin1", 0, bytesRead));
  }
}
