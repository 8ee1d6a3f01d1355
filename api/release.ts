// npm run release:version runs this when changesets has raised the version: it dates the changelog, and makes today's
// types those that the next changes are compared with.
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { dated } from "./changelog.ts";
import { entryPoints } from "./entry-points.ts";

const at = (path: string) => new URL(path, import.meta.url);
const { version } = JSON.parse(readFileSync(at("../package.json"), "utf8"));

const rewrite = (path: string, change: (text: string) => string) =>
  writeFileSync(at(path), change(readFileSync(at(path), "utf8")));
rewrite("../CHANGELOG.md", (text) => dated(text, version, new Date().toISOString().slice(0, 10)));
rewrite("../src/node/unary/user-agent.ts", (text) => text.replace(/"connect-lb\/[^"]+"/, `"connect-lb/${version}"`));
for (const name of entryPoints()) copyFileSync(at(`${name}.api.md`), at(`released/${name}.api.md`));
