import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Each has a command of its own.
    exclude: ["test/{interop,thaw,package}/**"],
    testTimeout: 10_000,
  },
});
