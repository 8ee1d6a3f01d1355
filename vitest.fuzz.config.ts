import { defineConfig } from "vitest/config";

// The long run of what `npm test` does with fewer messages and exchanges.
export default defineConfig({
  test: {
    include: ["test/dns/{fuzz,guard}.test.ts", "test/call/exchanges.test.ts"],
    env: { FUZZ_MESSAGES: "1000000", EXCHANGES: "1000000" },
  },
});
