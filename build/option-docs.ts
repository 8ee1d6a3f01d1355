import { readFile } from "node:fs/promises";
import type { Plugin } from "esbuild";

/** The documentation in the option table is for its generator; a program need not carry it about. */
export const withoutOptionDocs: Plugin = {
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
