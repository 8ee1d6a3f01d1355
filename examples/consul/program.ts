import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The Consul that this repository pins, built at the first use (Go), or else the one on the PATH. */
export async function consulProgram(): Promise<string> {
  try {
    const { stdout } = await run(fileURLToPath(new URL("../../.ci/go-tool", import.meta.url)), ["consul"]);
    return stdout.trim();
  } catch (error) {
    const isThere = await run("consul", ["version"]).then(
      () => true,
      () => false,
    );
    if (isThere) return "consul";
    throw new Error("this needs Consul: put `consul` on the PATH, or Go, to build it", { cause: error });
  }
}
