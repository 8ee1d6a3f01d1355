import { cpus } from "node:os";
import { parseArgs } from "node:util";
import type { Estimate } from "./statistics.ts";

/** What a benchmark was run on: "Node v24.0.0, 2 × some CPU, 2026-01-01". */
export function machine(): string {
  const [cpu] = cpus();
  return `Node ${process.version}, ${cpus().length} × ${cpu?.model ?? "unknown CPU"}, ${new Date().toISOString().slice(0, 10)}`;
}

/** A median with its interval: "1.00 (0.95–1.05)". */
export function shown({ median, low, high }: Estimate, digits: number): string {
  return `${median.toFixed(digits)} (${low.toFixed(digits)}–${high.toFixed(digits)})`;
}

/** Whether `--short` was given. `--help` prints the usage and ends the process. */
export function isShort(usage: string): boolean {
  const { values } = parseArgs({ options: { help: { type: "boolean" }, short: { type: "boolean" } } });
  if (values.help) {
    console.log(usage);
    process.exit();
  }
  return values.short === true;
}
