import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { type Report, readReport } from "./report.ts";
import type { Runtime } from "./runtime.ts";

/** What the suite is run against: an argument of client.ts. */
export type SubjectName = "bare" | "static" | "srv";

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** The runner's option, for the list that every runtime has and for the runtime's own. */
function known(kind: "failing" | "flaky", runtime: Runtime): string[] {
  const files = [`known-${kind}.txt`, `known-${kind}.${runtime.name}.txt`].map(path);
  return files.filter((file) => existsSync(file)).flatMap((file) => [`--known-${kind}`, `@${file}`]);
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
