import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export type OtherRuntime = "deno" | "bun";

/** The path of the runtime's program, which is installed on first use. */
export function runtimeProgram(name: OtherRuntime): string {
  const script = fileURLToPath(new URL("../../.ci/runtime", import.meta.url));
  return execFileSync(script, [name], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim();
}
