import { defineConfig } from "vitest/config";

// The long run of what `npm test` does with fewer messages.
export default defineConfig({
  test: { include: ["test/dns/{fuzz,check-message}.test.ts"], env: { FUZZ_MESSAGES: "1000000" } },
});
