import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const folder = fileURLToPath(new URL("../../examples/quickstart/", import.meta.url));

describe("the quickstart", () => {
  it("answers every call and ends by itself", async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [`${folder}main.ts`], { timeout: 8_000 });
    expect(stdout.trim().split("\n")).toHaveLength(4);
    expect(stdout).toMatch(/^user 1 is User 1, says (one|two)$/m);
  });

  it("is at most 20 lines of the user's code", () => {
    const lines = readFileSync(`${folder}client.ts`, "utf8").split("\n");
    expect(lines.filter((line) => line.trim() !== "").length).toBeLessThanOrEqual(20);
  });
});
