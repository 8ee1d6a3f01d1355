import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

/** What a file in `.changeset/` says. */
export interface Changeset {
  /** How the version rises by it; undefined where it names another package, or none. */
  readonly bump: string | undefined;
  /** The first name in each piece of code: "RetryOptions" of `RetryOptions.codes`. */
  readonly names: readonly string[];
}

/** The changesets of a folder, for one package. */
export function readChangesets(folder: string, packageName: string): Changeset[] {
  return globSync("*.md", { cwd: folder })
    .filter((file) => file !== "README.md")
    .map((file) => parseChangeset(readFileSync(join(folder, file), "utf8"), packageName));
}

function parseChangeset(text: string, packageName: string): Changeset {
  const [, head = "", body = ""] = /^---\n([\s\S]*?)^---\n([\s\S]*)$/m.exec(text) ?? [];
  const bumps = (parse(head) ?? {}) as Readonly<Record<string, string>>;
  const names = [...body.matchAll(/`([A-Za-z_$][\w$]*)/g)].map(([, name]) => name as string);
  return { bump: bumps[packageName], names };
}

/** Those of `changed` that no changeset names which raises the version. */
export function unannounced(changed: readonly string[], changesets: readonly Changeset[]): string[] {
  const named = new Set(changesets.filter(({ bump }) => bump !== undefined).flatMap(({ names }) => names));
  return changed.filter((name) => !named.has(name));
}
