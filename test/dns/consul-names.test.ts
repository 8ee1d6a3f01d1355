import { expect, test } from "vitest";
import { consulName } from "../../src/dns/consul-names.ts";

test("a service whose name in its domain is too long for a host's is an error", () => {
  const domain = `${"a.".repeat(115)}test`;
  expect(consulName({ service: "users", domain }).authority).toBe(`users.service.${domain}`);
  expect(() => consulName({ service: "much-longer-users", preparedQuery: "q", domain })).toThrow(
    "it is longer than 253 characters",
  );
});
