import { defineConfig } from "vitest/config";

// The package as npm packs it, on Deno and Bun. .ci/runtime fetches them once.
export default defineConfig({
  test: { include: ["test/runtimes/**/*.test.ts"], testTimeout: 20_000, hookTimeout: 120_000 },
});
