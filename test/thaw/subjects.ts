import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { Wire } from "./cells.ts";
import type { Subject } from "./trial.ts";

const programs = ["balanced-client", "connect-node-client", "grpc-js-client"] as const;
const HTTP2: readonly Wire[] = ["Connect h2", "gRPC h2"];
const GRPC: readonly Wire[] = ["gRPC h2"];

/** The clients of the table, ours first, with what they speak. */
export const subjects = {
  "connect-lb": { program: "balanced-client", pings: false, wires: [...HTTP2, "Connect h1.1"] },
  "connect-node": { program: "connect-node-client", pings: false, wires: [...HTTP2, "Connect h1.1"] },
  "connect-node, pings": { program: "connect-node-client", pings: true, wires: HTTP2 },
  "grpc-js": { program: "grpc-js-client", pings: false, wires: GRPC },
  "grpc-js, keepalive": { program: "grpc-js-client", pings: true, wires: GRPC },
} as const satisfies Record<string, { program: (typeof programs)[number]; pings: boolean; wires: readonly Wire[] }>;
export type SubjectName = keyof typeof subjects;

/** The clients' programs, each bundled into one file: thousands of processes load them. */
export async function bundlePrograms() {
  const outdir = mkdtempSync(join(tmpdir(), "connect-lb-thaw-"));
  await build({
    entryPoints: programs.map((name) => fileURLToPath(new URL(`${name}.ts`, import.meta.url))),
    outdir,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    logLevel: "warning",
  });
  return {
    subject(name: SubjectName): Subject {
      const { program, pings } = subjects[name];
      return { script: join(outdir, `${program}.mjs`), pings };
    },
    [Symbol.dispose]: () => rmSync(outdir, { recursive: true }),
  };
}
