import { defineConfig } from "vitest/config";

// The package as npm packs it, in a project outside the repository. npm fetches what is not in its cache.
export default defineConfig({
  test: { include: ["test/package/**/*.test.ts"], testTimeout: 20_000, hookTimeout: 120_000 },
});
