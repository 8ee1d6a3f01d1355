import { mkdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { type BuildOptions, build } from "esbuild";

export type Subject = "bare" | "balanced" | "grpc-js";
export type Way = keyof typeof ways;

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
/** Inside the repository, where Node finds the packages that are not bundled. */
const folder = path("../../.cache/coldstart/");

const bundled: BuildOptions = { minify: true };
/** An ES module that holds CommonJS, as grpc-js is, needs a require(); all get it, so that all are measured alike. */
const banner = { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' };
const ways = {
  "bundled, ESM": { ...bundled, format: "esm", banner, outExtension: { ".js": ".mjs" } },
  "bundled, CommonJS": { ...bundled, format: "cjs", outExtension: { ".js": ".cjs" } },
  "not bundled, ESM": { packages: "external", format: "esm", outExtension: { ".js": ".mjs" } },
} satisfies Record<string, BuildOptions>;

export const wayNames = Object.keys(ways) as Way[];

export interface Program {
  readonly subject: Subject;
  readonly way: Way;
  readonly file: string;
  readonly bytes: number;
  readonly gzipBytes: number;
}

/** Every subject in every way, as JavaScript: stripping types would cost more than what is measured. */
export async function buildPrograms(subjects: readonly Subject[]): Promise<Program[]> {
  mkdirSync(folder, { recursive: true });
  return Promise.all(
    subjects.flatMap((subject) =>
      wayNames.map(async (way): Promise<Program> => {
        const outdir = `${folder}${way.replace(/\W+/g, "-")}`;
        const entryPoints = [path(`${subject}.ts`)];
        const options: BuildOptions = ways[way];
        await build({
          entryPoints,
          outdir,
          bundle: true,
          platform: "node",
          target: "node22",
          logLevel: "error",
          ...options,
        });
        const file = `${outdir}/${subject}${options.outExtension?.[".js"]}`;
        const code = readFileSync(file);
        return { subject, way, file, bytes: code.length, gzipBytes: gzipSync(code, { level: 9 }).length };
      }),
    ),
  );
}
