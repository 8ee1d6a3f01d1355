import { execFileSync, spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { type Report, readReport } from "./report.ts";

/** What the suite is run against: an argument of client.ts. */
export type SubjectName = "bare" | "static" | "srv";

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** The official suite, built on first use. */
export class Suite {
  readonly #runner = execFileSync(path("../../.ci/go-tool"), ["conformance"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  }).trim();

  get version(): string {
    // "connectconformance v1.0.7"
    return execFileSync(this.#runner, ["--version"], { encoding: "utf8" }).trim().split(" ").at(-1) as string;
  }

  /** @param options further ones of the runner's, such as `--run PATTERN`. */
  async run(subject: SubjectName, options: readonly string[]): Promise<Report & { readonly stderr: string }> {
    const args = [
      "--mode",
      "client",
      "--conf",
      path("config.yaml"),
      "--known-failing",
      `@${path("known-failing.txt")}`,
    ];
    if (subject === "bare") args.push("--known-flaky", `@${path("known-flaky.txt")}`);
    const command = [...args, ...options, "--", process.execPath, path("client.ts"), subject];
    const runner = spawn(this.#runner, command, { stdio: ["ignore", "pipe", "pipe"] });
    const [stdout, stderr] = await Promise.all([text(runner.stdout), text(runner.stderr)]);
    return { ...readReport(stdout), stderr };
  }
}
