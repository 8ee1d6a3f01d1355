import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export const root = fileURLToPath(new URL("../../", import.meta.url));
export const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

const [, oldest] = /^>=(\d+\.\d+)$/.exec(manifest.engines.node) ?? [];
/** The oldest Node that package.json allows, as a dependency: from the packages that bring Node for the project's own tools (test/package.json). */
export const oldestNode = `npm:node-linux-${process.arch}@${oldest}.0`;

/** The environment without what `npm run` adds for its scripts, which is about the repository. */
export const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^npm_(?!config_cache)/i.test(name)),
);

export async function npm(cwd: string, ...args: string[]): Promise<void> {
  await promisify(execFile)("npm", args, { cwd, env: environment });
}

/** Packs the repository into the folder, and returns the name of the tarball. */
export async function pack(folder: string): Promise<string> {
  await npm(root, "pack", "--ignore-scripts", "--pack-destination", folder);
  return readdirSync(folder).find((file) => file.endsWith(".tgz")) as string;
}

export const quiet = ["--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"];
