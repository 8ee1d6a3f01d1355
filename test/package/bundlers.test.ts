import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runFirstCall, unneeded } from "../start/programs.ts";
import { type FirstServer, startFirstServer } from "../start/servers.ts";
import { root } from "./npm.ts";
import { createProject, type Project } from "./project.ts";

// Every bundler has its own idea of what may move to the top of a file: a first call must load no more for that.

const BUNDLERS = { rollup: "4.67.4", "@rollup/plugin-node-resolve": "16.0.3", webpack: "5.113.0" };

/** By bundler, a program that writes a bundle of `entry` into `outfile`. */
const programs: Readonly<Record<string, string>> = {
  rollup: `
    import { rollup } from "rollup";
    import { nodeResolve } from "@rollup/plugin-node-resolve";
    const bundle = await rollup({ input: entry, plugins: [nodeResolve({ exportConditions: ["node"], preferBuiltins: true })] });
    await bundle.write({ file: outfile, format: "esm", inlineDynamicImports: true });`,
  webpack: `
    import { basename, dirname } from "node:path";
    import webpack from "webpack";
    const output = { path: dirname(outfile), filename: basename(outfile), module: true, library: { type: "module" } };
    const stats = await new Promise((resolve, reject) =>
      webpack(
        { mode: "production", target: "node22", entry, output, experiments: { outputModule: true } },
        (error, stats) => (error ? reject(error) : resolve(stats)),
      ),
    );
    if (stats.hasErrors() || stats.hasWarnings()) throw new Error(stats.toString());`,
};

let project: Project;
let server: FirstServer;
let entry: string;

beforeAll(async () => {
  server = await startFirstServer();
  project = await createProject({ peers: BUNDLERS });
  entry = join(project.folder("esm"), "first-call.mjs");
  await build({
    ...{ entryPoints: [join(root, "test/start/first-call.ts")], outfile: entry, format: "esm", bundle: true },
    external: ["@bufbuild/*", "@connectrpc/*", "connect-lb"],
  });
});
afterAll(async () => {
  project?.[Symbol.dispose]();
  await server?.[Symbol.asyncDispose]();
});

async function bundle(name: string): Promise<string> {
  const outfile = join(project.folder("esm"), `${name}/bundle.mjs`);
  const program = join(project.folder("esm"), `${name}.mjs`);
  writeFileSync(program, `const [entry, outfile] = process.argv.slice(2);\n${programs[name]}`);
  await promisify(execFile)(process.execPath, [program, entry, outfile]);
  return outfile;
}

describe.each(Object.keys(programs))("a bundle by %s", { timeout: 120_000 }, (name) => {
  test("loads nothing that a first call does not need", async () => {
    const file = await bundle(name);
    for (const target of Object.values(server.targets)) {
      const { answered } = await runFirstCall(file, { options: { target, tls: false } });
      expect(unneeded(answered)).toEqual([]);
    }
  });
});
