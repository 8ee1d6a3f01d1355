import { execFileSync, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { type Report, readReport } from "./report.ts";
import type { Runtime } from "./runtime.ts";

/** What the suite is run against: an argument of client.ts. */
export type SubjectName = "bare" | "static" | "srv";

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/**
 * The runner's options for the list that every runtime has and for the runtime's own: a pattern each, because of several
 * files the runner reads the first one alone.
 */
export function known(kind: "failing" | "flaky", { name }: Pick<Runtime, "name">): string[] {
  const files = [`known-${kind}.txt`, `known-${kind}.${name}.txt`].map(path).filter((file) => existsSync(file));
  const lines = files.flatMap((file) => readFileSync(file, "utf8").split("\n"));
  return lines.filter((line) => /^[^#\s]/.test(line)).flatMap((pattern) => [`--known-${kind}`, pattern.trim()]);
}

/** The official suite, built on first use. */
export class Suite {
  readonly #runner = execFileSync(path("../../.ci/go-tool"), ["conformance"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  }).trim();

  readonly #runtime: Runtime;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  get version(): string {
    // "connectconformance v1.0.7"
    return execFileSync(this.#runner, ["--version"], { encoding: "utf8" }).trim().split(" ").at(-1) as string;
  }

  /** @param options further ones of the runner's, such as `--run PATTERN`. */
  async run(subject: SubjectName, options: readonly string[]): Promise<Report & { readonly stderr: string }> {
    const args = ["--mode", "client", "--conf", path("config.yaml"), ...known("failing", this.#runtime)];
    if (subject === "bare") args.push(...known("flaky", this.#runtime));
    const command = [...args, ...options, "--", ...this.#runtime.command, path("client.ts"), subject];
    const runner = spawn(this.#runner, command, { stdio: ["ignore", "pipe", "pipe"] });
    const [stdout, stderr] = await Promise.all([text(runner.stdout), text(runner.stderr)]);
    return { ...readReport(stdout), stderr };
  }
}
