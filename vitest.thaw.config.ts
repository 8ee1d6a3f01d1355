import { defineConfig } from "vitest/config";

// Hundreds of processes that are frozen for up to a minute; most of the time they wait.
export default defineConfig({
  test: { include: ["test/thaw/**/*.test.ts"], testTimeout: 280_000, maxConcurrency: 48 },
});
