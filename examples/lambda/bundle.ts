import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** What would be deployed, and the runtime that it would be deployed to. */
export interface Bundles {
  /** The official client's entry. */
  readonly runtime: string;
  /** Task roots, each with a module `index`. */
  readonly esm: string;
  readonly cjs: string;
  readonly streaming: string;
  /** A server's process: as one file it starts in a third of the time, and dozens are started. */
  readonly server: string;
}

const source = (file: string) => fileURLToPath(new URL(file, import.meta.url));

/**
 * @param folder an empty one, outside of any package: its files are CommonJS or ES modules by their own names.
 * @param native whether to run the official client with the addon that its installation builds.
 */
export async function bundle(folder: string, native: boolean): Promise<Bundles> {
  const bundles = {
    runtime: `${folder}/runtime/index.mjs`,
    esm: `${folder}/esm`,
    cjs: `${folder}/cjs`,
    streaming: `${folder}/streaming`,
    server: `${folder}/server.mjs`,
  };
  await Promise.all([
    toOneFile("handler.ts", "esm", `${bundles.esm}/index.mjs`),
    toOneFile("commonjs.ts", "cjs", `${bundles.cjs}/index.js`),
    toOneFile("streaming.ts", "esm", `${bundles.streaming}/index.mjs`),
    toOneFile("../demo/backend.ts", "esm", bundles.server),
    // The client requires "./rapid-client.node": a file of native code, or this folder.
    native ? undefined : toOneFile("rapid-client.ts", "cjs", `${folder}/runtime/rapid-client.node/index.js`),
  ]);
  mkdirSync(`${folder}/runtime`, { recursive: true });
  copyFileSync(officialClient, bundles.runtime);
  if (native) copyFileSync(nativeAddon(), `${folder}/runtime/rapid-client.node`);
  return bundles;
}

const officialClient = fileURLToPath(import.meta.resolve("aws-lambda-ric"));

function nativeAddon(): string {
  const addon = officialClient.replace(/index\.mjs$/, "rapid-client.node");
  if (existsSync(addon)) return addon;
  throw new Error("aws-lambda-ric's addon has not been built: see examples/lambda/README.md");
}

function toOneFile(entry: string, format: "esm" | "cjs", outfile: string) {
  return build({
    entryPoints: [source(entry)],
    outfile,
    format,
    bundle: true,
    minify: true,
    platform: "node",
    target: "node24",
    logLevel: "warning",
  });
}
