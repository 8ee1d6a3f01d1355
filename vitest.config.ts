import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { include: ["test/**/*.test.ts"], exclude: ["test/interop/**", "test/thaw/**"], testTimeout: 10_000 },
});
