import { defineConfig } from "vitest/config";

// Every exchange that the generator knows, and everything that a handler may throw: `npm test` takes a sample.
export default defineConfig({
  test: { include: ["test/call/{exchanges,thrown}.test.ts"], env: { EXCHANGES: "1000000" } },
});
