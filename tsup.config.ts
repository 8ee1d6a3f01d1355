import { defineConfig } from "tsup";

export default defineConfig({
  entry: { index: "src/index.ts", node: "src/node.ts" },
  format: ["esm", "cjs"],
  target: "node22",
  platform: "node",
  dts: true,
  splitting: false,
  clean: true,
  treeshake: true,
  removeNodeProtocol: false,
  external: [/^node:/, /^@connectrpc\//, /^@bufbuild\//],
  // Both are inlined: cockatiel is ESM only, which require() cannot load everywhere, and dns-packet is CommonJS.
  noExternal: ["cockatiel", "dns-packet", "@leichtgewicht/ip-codec"],
  esbuildPlugins: [
    {
      // dns-packet's require("buffer"), left in an ES module, fails at run time ("Dynamic require is not supported").
      name: "buffer-as-import",
      setup(build) {
        build.onResolve({ filter: /^buffer$/ }, () => ({ path: "buffer", namespace: "buffer" }));
        build.onLoad({ filter: /.*/, namespace: "buffer" }, () => ({
          contents: 'export { Buffer } from "node:buffer";',
        }));
      },
    },
  ],
});
