import { defineConfig } from "tsup";
import { dnsPacketAsModules } from "./tsup.dns-packet.ts";

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
  esbuildPlugins: [dnsPacketAsModules],
});
