import { execFileSync } from "node:child_process";
import { runtimeProgram } from "../support/runtime-program.ts";

/** What the client program runs on. */
export interface Runtime {
  readonly name: string;
  readonly version: string;
  /** Runs the program whose path follows. */
  readonly command: readonly string[];
}

const runtimes: Readonly<Record<string, () => readonly string[]>> = {
  node: () => [process.execPath],
  bun: () => [runtimeProgram("bun"), "run"],
  // Any right: the suite is about the protocols, and what rights are needed is the business of test/runtimes.
  deno: () => [runtimeProgram("deno"), "run", "--allow-all"],
};

export function runtimeOf(name: string): Runtime {
  const command = runtimes[name]?.();
  if (command === undefined) throw new Error(`--runtime ${Object.keys(runtimes).join("|")}`);
  const [program] = command as [string];
  const [version] = /v?\d+\.\d+\.\d+/.exec(execFileSync(program, ["--version"], { encoding: "utf8" })) ?? [""];
  return { name, version, command };
}
