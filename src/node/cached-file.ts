import { readFile, stat } from "node:fs/promises";
import type { Clock } from "../runtime.ts";

/** Whether a file has changed is looked at no more often than this. */
const CHECK_EVERY_MS = 5000;

/**
 * A parsed file that is read again when it has changed: no watcher, only a look at its time when somebody asks. A file
 * that cannot be read is an empty one.
 */
export function createCachedFile<T>(path: string, parse: (text: string) => T, clock: Clock): () => Promise<T> {
  let cached: { value: T; version: string; checkedAt: number } | undefined;
  return async () => {
    const now = clock.now();
    // A clock that was set back must not keep an old value for long.
    if (cached && now >= cached.checkedAt && now < cached.checkedAt + CHECK_EVERY_MS) return cached.value;
    const version = await versionOf(path);
    if (cached?.version !== version) {
      cached = { value: parse(await readFile(path, "utf8").catch(() => "")), version, checkedAt: now };
    }
    cached.checkedAt = now;
    return cached.value;
  };
}

async function versionOf(path: string): Promise<string> {
  try {
    const { mtimeMs, size, ino } = await stat(path);
    return `${mtimeMs} ${size} ${ino}`;
  } catch {
    return "missing";
  }
}
