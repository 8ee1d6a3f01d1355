import { defineConfig } from "vitest/config";

// The long run of what `npm test` does with 30,000 messages.
export default defineConfig({
  test: { include: ["test/dns/fuzz.test.ts"], env: { FUZZ_MESSAGES: "1000000" } },
});
