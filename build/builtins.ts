import type { Plugin } from "esbuild";

/** The functions that are used of Node's built-in modules, by our code and by connect-node's. Any other fails the build. */
const USED: Readonly<Record<string, readonly string[]>> = {
  "node:crypto": ["randomInt"],
  "node:dgram": ["createSocket"],
  "node:fs": ["readFileSync", "statSync"],
  "node:fs/promises": ["open", "readFile", "stat"],
  "node:http": ["request"],
  "node:http2": ["connect"],
  "node:https": ["request"],
  "node:net": ["connect", "isIP"],
  "node:os": ["networkInterfaces"],
  "node:tls": ["checkServerIdentity", "connect", "createSecureContext"],
  "node:util": ["promisify"],
  "node:zlib": ["brotliCompress", "brotliDecompress", "gunzip", "gzip"],
};

/**
 * Built-in modules without an import, each loaded by the first call of one of its functions. For a module that is imported
 * Node makes an ES module which copies every export, and runs every getter among them, at each start of a process: for
 * `node:http` it loads undici, a fifth of a cold start (docs/DECISIONS.md, "The build").
 */
export const lazyBuiltins: Plugin = {
  name: "lazy-builtins",
  setup(build) {
    build.onResolve({ filter: /^node:/ }, ({ path, importer }) => {
      if (!(path in USED)) throw new Error(`${importer}: build/builtins.ts does not list ${path}`);
      return { path, namespace: "builtin", sideEffects: false };
    });
    build.onLoad({ filter: /.*/, namespace: "builtin" }, ({ path }) => ({
      contents: `let loaded;
        const builtin = () => (loaded ??= process.getBuiltinModule("${path}"));
        ${USED[path]?.map((name) => `export const ${name} = (...args) => builtin().${name}(...args);`).join("\n")}`,
    }));
  },
};
