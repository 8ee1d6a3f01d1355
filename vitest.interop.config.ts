import { defineConfig } from "vitest/config";

// Real servers: those that .ci/run installs, and CoreDNS, which is built. One that is missing fails its tests.
export default defineConfig({
  test: { include: ["test/interop/**/*.test.ts"], testTimeout: 20_000, hookTimeout: 20_000 },
});
