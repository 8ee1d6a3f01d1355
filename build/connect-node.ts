import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import type { Plugin } from "esbuild";

type Rewriting = (source: string) => string;

/** By the file's name. */
const REWRITINGS: Readonly<Record<string, Rewriting>> = {
  // promisify() needs the function itself, and so node:zlib.
  compression: (source) =>
    source.replace(/^const (\w+) = promisify\((zlib\.\w+)\);$/gm, "const $1 = (...args) => promisify($2)(...args);"),
  // An enumeration of TypeScript's is a function that runs when it is loaded.
  "node-error": (source) =>
    source
      .replace(/^export var H2Code;\n\(function \(H2Code\) \{$/m, "export const H2Code = {")
      .replace(/^ {4}H2Code\[H2Code\["(\w+)"\] = (\d+)\] = "\1";$/gm, "    $1: $2, $2: '$1',")
      .replace(/^\}\)\(H2Code \|\| \(H2Code = \{\}\)\);$/m, "};"),
  // No transport gets there: each brings connections of our own.
  "http2-session-manager": () => "export const Http2SessionManager = undefined;\n",
};

/** What still runs when its file is loaded. */
const RUNS = /^(?:const \w+ = promisify|\(function)/m;

/**
 * connect-node, of which nothing runs when it is loaded. It is a rewriting of a pinned version's text, and fails the build
 * where that is not what it was written for.
 */
export const connectNodeAtRest: Plugin = {
  name: "connect-node-at-rest",
  setup(build) {
    const files = Object.keys(REWRITINGS).join("|");
    const filter = new RegExp(`[\\\\/]connect-node[\\\\/]dist[\\\\/]esm[\\\\/](?:${files})\\.js$`);
    build.onLoad({ filter }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      const contents = REWRITINGS[basename(path, ".js")]?.(source) ?? source;
      if (contents === source || RUNS.test(contents)) throw new Error(`${path}: not what this plugin was written for`);
      return { contents };
    });
  },
};
