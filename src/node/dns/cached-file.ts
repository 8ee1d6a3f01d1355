import type { Clock } from "../../runtime.ts";
import { createVersionCheck, readSteadily, unreadable } from "./file-version.ts";

export interface CachedFileOptions<T> {
  readonly path: string;
  readonly clock: Clock;
  parse(text: string): T;
  /** What counts while there is no such file; asked for each time. */
  missing(): T;
  /** Ends the error's advice: what to do if the file cannot be made readable. */
  readonly wayOut: string;
}

/**
 * A parsed file that is read again when it has changed. Where it cannot be read, the last value goes on counting;
 * without one this rejects with a `DnsError`, and the next one who asks has it read again.
 */
export function createCachedFile<T>(options: CachedFileOptions<T>): () => Promise<T> {
  const { path, clock, parse, missing, wayOut } = options;
  const versionNow = createVersionCheck(path, clock);
  let last: { readonly version: string | undefined; readonly value: T } | undefined;
  return async () => {
    try {
      const version = await versionNow();
      if (last === undefined || version === undefined || version !== last.version) {
        const text = version === undefined ? undefined : await readSteadily(path, (file) => file.readFile("utf8"));
        last = {
          version: text?.isSteady ? version : undefined,
          value: text === undefined ? missing() : parse(text.value),
        };
      }
      return last.value;
    } catch (error) {
      if (last === undefined) throw unreadable(path, error, wayOut);
      return last.value;
    }
  };
}
