import { readFile } from "node:fs/promises";
import type { Plugin } from "esbuild";
import { defineConfig } from "tsup";
import { lazyBuiltins } from "./tsup.builtins.ts";
import { connectNodeAtRest } from "./tsup.connect-node.ts";
import { dnsPacketAsModules } from "./tsup.dns-packet.ts";
import { protocolsAsNamespaces } from "./tsup.protocols.ts";
import { thirdParties } from "./tsup.third-parties.ts";

/** The documentation in the option table is for its generator; a program need not carry it about. */
const withoutOptionDocs: Plugin = {
  name: "without-option-docs",
  setup(build) {
    build.onLoad(
      { filter: /[\\/]config[\\/](?:option-table|call-options|network-options|protocol-options)\.ts$/ },
      async ({ path }) => {
        const text = /\bdoc:\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'),?/g;
        const contents = (await readFile(path, "utf8")).replace(text, "");
        if (/\bdoc:\s*["'`]/.test(contents)) throw new Error(`${path}: a doc that is not one plain string`);
        return { contents, loader: "ts" };
      },
    );
  },
};

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
