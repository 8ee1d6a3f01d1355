import { spawn } from "node:child_process";
import { once } from "node:events";

export interface Start {
  /** User and system time of the whole process, up to the response. */
  readonly cpuMs: number;
  /** From spawn to the response. */
  readonly wallMs: number;
}

/** Starts a program that makes one call, and waits for what it says of it (answered.ts). */
export async function start(file: string, env: Readonly<Record<string, string>>): Promise<Start> {
  const begun = performance.now();
  const child = spawn(process.execPath, [file], { env, stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  let wallMs = Number.NaN;
  child.stdout.on("data", (data) => {
    wallMs = performance.now() - begun;
    output += data;
  });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${file} failed`);
  return { cpuMs: Number(output), wallMs };
}
