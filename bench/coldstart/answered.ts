import { writeSync } from "node:fs";

/** Tells what the process has cost so far, and ends it: how it ends is no part of a cold start. */
export function answered(response: { text: string } | undefined): never {
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  if (response?.text !== "hello") throw new Error("not the answer to this call");
  writeSync(1, String((userCPUTime + systemCPUTime) / 1_000));
  process.exit(0);
}
