import { type FileHandle, open, stat } from "node:fs/promises";
import { DnsError } from "../../dns/dns-client.ts";
import { type Clock, isWithin } from "../../runtime.ts";

/** Whether a file has changed is looked at no more often than this. */
const CHECK_EVERY_MS = 5_000;
/** A file that changes while it is read is read so often. */
const MOST_READS = 3;

/**
 * A text that changes when the file does; undefined where there is no such file. No watcher, only a look when somebody
 * asks, one for all who ask meanwhile. Rejects where the file may be there and cannot be looked at; the next one who asks
 * has it looked at again.
 */
export function createVersionCheck(path: string, clock: Clock): () => Promise<string | undefined> {
  let last: { readonly version: Promise<string | undefined>; readonly at: number } | undefined;
  return () => {
    const now = clock.now();
    if (last !== undefined && isWithin(CHECK_EVERY_MS, last.at, now)) return last.version;
    const look = { version: versionAt(path), at: now };
    last = look;
    look.version.catch(() => {
      if (last === look) last = undefined;
    });
    return look.version;
  };
}

async function versionAt(path: string): Promise<string | undefined> {
  return stat(path).then(versionOf, unlessMissing);
}

function versionOf({ mtimeMs, size, ino }: { mtimeMs: number; size: number; ino: number }): string {
  return `${mtimeMs} ${size} ${ino}`;
}

/** Every other error says nothing of the file: the process may be short of descriptors, or may not read it. */
function unlessMissing(error: unknown): undefined {
  if (codeOf(error) !== "ENOENT") throw error;
  return undefined;
}

/**
 * Reads a file, and again if it changed meanwhile, since its writer may have been half done. `isSteady` is false where it
 * never stood still. Undefined if there is no such file.
 */
export async function readSteadily<T>(
  path: string,
  read: (file: FileHandle) => Promise<T>,
): Promise<{ readonly value: T; readonly isSteady: boolean } | undefined> {
  for (let reads = 1; ; reads++) {
    const file = await open(path).catch(unlessMissing);
    if (file === undefined) return undefined;
    try {
      const before = versionOf(await file.stat());
      const value = await read(file);
      const isSteady = versionOf(await file.stat()) === before;
      if (isSteady || reads === MOST_READS) return { value, isSteady };
    } finally {
      await file.close();
    }
  }
}

/** The error of a look-up that needs a file which cannot be read. */
export function unreadable(path: string, error: unknown, wayOut: string): DnsError {
  const code = codeOf(error) ?? "unknown error";
  const fix = FIXES.find(({ codes }) => codes.includes(code))?.fix.replace("PATH", path) ?? "check that it is a file";
  return new DnsError(`cannot read ${path} (${code}): ${fix}${wayOut}`, { cause: error });
}

const FIXES: readonly { readonly codes: readonly string[]; readonly fix: string }[] = [
  { codes: ["EMFILE", "ENFILE"], fix: "too many files are open, so close some, or raise the limit (ulimit -n)" },
  { codes: ["ERR_ACCESS_DENIED"], fix: "allow it with --allow-fs-read=PATH" },
  { codes: ["EACCES", "EPERM"], fix: "let the user of this process read it" },
];

function codeOf(error: unknown): string | undefined {
  const code: unknown = (error as { readonly code?: unknown } | undefined)?.code;
  return typeof code === "string" ? code : undefined;
}
