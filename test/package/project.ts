import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { manifest, npm, oldestNode, pack, quiet, root } from "./npm.ts";

const run = promisify(execFile);

export type Kind = "esm" | "cjs";

/** A project outside the repository that has installed what `npm pack` makes, and nothing else of the repository's. */
export interface Project extends Disposable {
  /** The package as it was installed. */
  readonly installed: string;
  /** The folder of what was installed. */
  readonly modules: string;
  /** The folder of the program call.ts, in a package of this kind. */
  folder(kind: Kind): string;
  /** The Node that runs this test, and the oldest that package.json allows. */
  readonly nodes: { readonly current: string; readonly oldest: string };
  /** Compiles call.ts, strictly and with every declaration file checked; throws what the compiler has to say. */
  compile(kind: Kind, options: Readonly<Record<string, unknown>>): Promise<void>;
}

export interface ProjectOptions {
  /** Versions or ranges of peers; those that are missing are the repository's own. */
  readonly peers?: Readonly<Record<string, string>>;
  /** For `npm install`. */
  readonly flags?: readonly string[];
}

/** @throws what npm wrote, if it does not install that. */
export async function createProject({ peers = {}, flags = [] }: ProjectOptions = {}): Promise<Project> {
  const folder = mkdtempSync(join(tmpdir(), "connect-lb-package-"));
  const remove = () => rmSync(folder, { recursive: true });
  const tarball = await pack(folder);
  const names = Object.keys(manifest.peerDependencies);
  const dependencies = {
    "connect-lb": `file:${tarball}`,
    ...Object.fromEntries([...names, "@types/node"].map((name) => [name, manifest.devDependencies[name]])),
    ...peers,
    "node-oldest": oldestNode,
  };
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, dependencies }));
  await npm(folder, "install", ...quiet, ...flags).catch((error: { stderr: string }) => {
    remove();
    throw new Error(error.stderr);
  });
  const at = (kind: Kind) => join(folder, kind, "package");
  for (const kind of ["esm", "cjs"] as const) {
    mkdirSync(at(kind), { recursive: true });
    writeFileSync(join(folder, kind, "package.json"), JSON.stringify({ type: kind === "esm" ? "module" : "commonjs" }));
    cpSync(join(root, "test/package/call.ts"), join(at(kind), "call.ts"));
    cpSync(join(root, "test/support/gen"), join(folder, kind, "support/gen"), { recursive: true });
  }

  return {
    installed: join(folder, "node_modules/connect-lb"),
    modules: join(folder, "node_modules"),
    folder: at,
    nodes: { current: process.execPath, oldest: join(folder, "node_modules/node-oldest/bin/node") },
    async compile(kind, options) {
      const compilerOptions = {
        target: "es2022",
        // Connect's own declarations need the DOM's.
        lib: ["es2022", "dom"],
        types: ["node"],
        strict: true,
        exactOptionalPropertyTypes: true,
        skipLibCheck: false,
        ...options,
      };
      const config = join(at(kind), "tsconfig.json");
      writeFileSync(config, JSON.stringify({ compilerOptions, files: ["call.ts"] }));
      const tsc = join(root, "node_modules/typescript/bin/tsc");
      await run(process.execPath, [tsc, "--project", config]).catch((error: { stdout: string }) => {
        throw new Error(error.stdout);
      });
    },
    [Symbol.dispose]: remove,
  };
}
