import { defineConfig } from "tsup";
import { lazyBuiltins } from "./build/builtins.ts";
import { connectNodeAtRest } from "./build/connect-node.ts";
import { dnsPacketAsModules } from "./build/dns-packet.ts";
import { withoutOptionDocs } from "./build/option-docs.ts";
import { protocolsAsNamespaces } from "./build/protocols.ts";
import { thirdParties } from "./build/third-parties.ts";

/** Each by itself, so that it has its types in one file: what two entries share, tsup puts into a third. */
export default defineConfig(
  ["index", "node"].map((name) => ({
    entry: { [name]: `src/${name}.ts` },
    format: ["esm", "cjs"],
    target: "node22",
    platform: "node",
    dts: true,
    splitting: false,
    clean: [`${name}*`, "errors-*"],
    treeshake: true,
    removeNodeProtocol: false,
    external: [/^@connectrpc\/connect(?:\/|$)/, /^@bufbuild\//],
    // cockatiel is ESM only, which require() cannot load everywhere; dns-packet is CommonJS; connect-node imports built-in
    // modules, and runs, when it is loaded.
    noExternal: ["cockatiel", "dns-packet", "@leichtgewicht/ip-codec", "@connectrpc/connect-node"],
    esbuildPlugins: [
      lazyBuiltins,
      dnsPacketAsModules,
      connectNodeAtRest,
      withoutOptionDocs,
      ...(name === "node" ? [thirdParties] : []),
    ],
    plugins: [protocolsAsNamespaces],
  })),
);
