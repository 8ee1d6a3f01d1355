import { defineConfig } from "tsup";

export default defineConfig({
  entry: { index: "src/index.ts", node: "src/node.ts" },
  format: ["esm", "cjs"],
  target: "node22",
  platform: "neutral",
  dts: true,
  splitting: false,
  sourcemap: false,
  clean: true,
  treeshake: true,
  external: [/^node:/, /^@connectrpc\//, /^@bufbuild\//],
  // Both are inlined: cockatiel is ESM only, which require() cannot load everywhere, and dns-packet is CommonJS.
  noExternal: ["cockatiel", "dns-packet", "@leichtgewicht/ip-codec"],
  // A require("buffer") left in an ES module fails at run time ("Dynamic require is not supported").
  esbuildOptions(options) {
    options.mainFields = ["module", "main"];
    options.alias = { buffer: "node:buffer" };
  },
});
