import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const script = fileURLToPath(new URL("../../examples/consul/main.ts", import.meta.url));

test("examples/consul: a critical check ends an instance's traffic, and the example ends by itself", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [script], { timeout: 60_000 });
  const rows = stdout.split("\n").filter((line) => /^ +\d/.test(line));
  const cells = rows.map((row) => row.trim().split(/\s+/));
  expect(cells).toHaveLength(14);
  // Second, one, two, three, four, failed: the check is critical from 4 to 5 at the latest, and the TTL is a second.
  for (const [second, one, two, three, four, failed] of cells.map((row) => row.map(Number))) {
    expect(failed).toBe(0);
    for (const calls of [one, three, four]) expect(calls).toBeGreaterThan(0);
    if (second === 7 || second === 8) expect(two).toBe(0);
  }
  expect(stdout).toContain("Every instance has its traffic again.");
}, 90_000);
