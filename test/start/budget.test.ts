import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MOST_EXECUTED, MOST_KILOBYTES_MORE } from "./budget.ts";
import { buildFirstCall, executedBy } from "./programs.ts";
import { type FirstServer, startFirstServer } from "./servers.ts";

describe("a first call", () => {
  let server: FirstServer;
  beforeAll(async () => {
    server = await startFirstServer();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  test.each(["static", "srv"] as const)("to %s: executes no more than its budget", async (scheme) => {
    const file = await buildFirstCall({ kind: "esm", bundled: true });
    const options = { target: server.targets[scheme], tls: false };
    const { functions, kilobytes } = await executedBy(file, { options });
    const most = MOST_EXECUTED[scheme];
    console.info(`${scheme}: ${functions} functions, ${kilobytes.toFixed(1)} KB are executed`);
    expect.soft(functions).toBeLessThanOrEqual(most.functions);
    expect.soft(kilobytes).toBeLessThanOrEqual(most.kilobytes);
    // What is left over would hide the next increase.
    expect.soft(functions).toBeGreaterThan(0.95 * most.functions);
    expect.soft(kilobytes).toBeGreaterThan(0.95 * most.kilobytes);
  });
});

test("a bundle is no larger than its budget", async () => {
  const bare = await build({
    entryPoints: [fileURLToPath(new URL("../../bench/coldstart/bare.ts", import.meta.url))],
    ...{ bundle: true, minify: true, format: "esm", platform: "node", target: "node22", write: false },
  });
  const balanced = readFileSync(await buildFirstCall({ kind: "esm", bundled: true, minify: true }));
  const kilobytes = (code: Uint8Array | undefined) => gzipSync(code ?? "", { level: 9 }).length / 1_000;
  const more = kilobytes(balanced) - kilobytes(bare.outputFiles[0]?.contents);
  console.info(`a bundle is ${more.toFixed(1)} KB larger`);
  expect.soft(more).toBeLessThanOrEqual(MOST_KILOBYTES_MORE);
  expect.soft(more).toBeGreaterThan(0.95 * MOST_KILOBYTES_MORE);
});
