import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Each has a command of its own.
    exclude: ["test/{interop,thaw,package,runtimes}/**"],
    testTimeout: 10_000,
    // Most tests wait for sockets; on a machine of two cores vitest would run one file at a time.
    maxWorkers: 2,
  },
});
