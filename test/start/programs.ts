import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { type BuildOptions, build } from "esbuild";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** As CommonJS or as an ES module; in one file with the build and its peers, or without them. */
export interface Way {
  readonly kind: "esm" | "cjs";
  readonly bundled: boolean;
  readonly minify?: boolean;
}

/** Builds the program first-call.ts over `dist`, and returns its file. */
export async function buildFirstCall({ kind, bundled, minify = false }: Way): Promise<string> {
  const name = `first-call-${bundled ? "bundled" : "alone"}${minify ? "-minified" : ""}`;
  // Inside the repository, where Node finds the packages that are not bundled.
  const outfile = join(root, `.cache/start/${name}.${kind === "esm" ? "mjs" : "cjs"}`);
  const dist = join(root, `dist/node.${kind === "esm" ? "js" : "cjs"}`);
  const packages: BuildOptions = bundled
    ? { alias: { "connect-lb": dist } }
    : { external: ["@bufbuild/*", "@connectrpc/*", "connect-lb"] };
  await build({
    ...{ entryPoints: [join(root, "test/start/first-call.ts")], outfile, format: kind, minify },
    ...{ bundle: true, platform: "node", target: "node22", logLevel: "error" },
    ...packages,
  });
  return outfile;
}

/** What the first call of a process is made with. */
export interface FirstCall {
  readonly options: object;
  readonly call?: object;
  /** Of the message. */
  readonly text?: string;
}

/** Modules of Node's that were loaded. */
export interface Loaded {
  readonly created: readonly string[];
  readonly answered: readonly string[];
}

/** undici comes with the first `Headers`, and Web Crypto with the first use of the global `crypto`. */
const UNNEEDED = /^NativeModule (?:internal\/deps\/undici\/undici|internal\/crypto\/webcrypto|zlib|https)$/;

/** The modules among them that a first call must not load. */
export function unneeded(modules: readonly string[]): string[] {
  return modules.filter((module) => UNNEEDED.test(module));
}

export async function runFirstCall(file: string, call: FirstCall, env: NodeJS.ProcessEnv = {}): Promise<Loaded> {
  const { stdout } = await promisify(execFile)(process.execPath, [file], {
    env: { ...env, FIRST_CALL: JSON.stringify(call) },
  });
  return JSON.parse(stdout);
}

export interface Executed {
  readonly functions: number;
  readonly kilobytes: number;
}

interface FunctionCoverage {
  readonly ranges: readonly { readonly startOffset: number; readonly endOffset: number; readonly count: number }[];
}

/** What of a program's own code runs up to the answer: each function that is called, without those inside it. */
export async function executedBy(file: string, call: FirstCall): Promise<Executed> {
  const folder = mkdtempSync(join(tmpdir(), "connect-lb-coverage-"));
  try {
    await runFirstCall(file, call, { NODE_V8_COVERAGE: folder });
    const [report = ""] = readdirSync(folder);
    const { result } = JSON.parse(readFileSync(join(folder, report), "utf8"));
    const { functions } = result.find(({ url }: { url: string }) => url === pathToFileURL(file).href);
    return count(functions);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function count(functions: readonly FunctionCoverage[]): Executed {
  const all = functions
    .flatMap(({ ranges: [whole] }) => whole ?? [])
    .sort((one, other) => one.startOffset - other.startOffset || other.endOffset - one.endOffset);
  const called = all.filter((one) => one.count > 0);
  let bytes = 0;
  const open: number[] = [];
  // Each function's length, less those directly inside it; what was not called counts for nothing itself.
  for (const { startOffset, endOffset, count } of all) {
    while (open.length > 0 && Math.abs(open.at(-1) as number) <= startOffset) open.pop();
    const length = endOffset - startOffset;
    if (open.length > 0 && (open.at(-1) as number) > 0) bytes -= length;
    if (count > 0) bytes += length;
    open.push(count > 0 ? endOffset : -endOffset);
  }
  return { functions: called.length, kilobytes: bytes / 1_000 };
}
