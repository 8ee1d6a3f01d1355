import type { Plugin } from "esbuild";

/** What is used of the built-in modules that connect-node does not import already. A missing name fails the build. */
const USED: Readonly<Record<string, readonly string[]>> = {
  "node:dgram": [],
  "node:fs": ["readFileSync", "statSync"],
  "node:fs/promises": ["open", "readFile", "stat"],
  "node:net": ["connect", "isIP"],
  "node:os": ["networkInterfaces"],
  "node:tls": ["checkServerIdentity", "connect", "createSecureContext"],
};

/**
 * Built-in modules without an import: for each one that is imported Node makes an ES module which copies every export,
 * and runs every getter among them, at each start of a process (docs/DECISIONS.md, "The build").
 */
export const builtinsWithoutImport: Plugin = {
  name: "builtins-without-import",
  setup(build) {
    build.onResolve({ filter: /^node:/ }, ({ path }) =>
      path in USED ? { path, namespace: "builtin", sideEffects: false } : { path, external: true },
    );
    build.onLoad({ filter: /.*/, namespace: "builtin" }, ({ path }) => ({
      contents: `const builtin = /* @__PURE__ */ process.getBuiltinModule("${path}");
        export default builtin;
        export const { ${USED[path]?.join(", ")} } = builtin;`,
    }));
  },
};
