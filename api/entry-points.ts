import { readFileSync } from "node:fs";

/** The names of what users import, as package.json exports it: "node" is built from `src/node.ts` into `dist/node.d.ts`. The main one is first. */
export function entryPoints(): string[] {
  const { exports } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  const names = JSON.stringify(exports).matchAll(/"types":"\.\/dist\/([\w/-]+)\.d\.c?ts"/g);
  return [...new Set([...names].map(([, name]) => name as string))];
}
