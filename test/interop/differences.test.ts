import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DIFFERENCES, type Expected } from "./differences.ts";
import { endpointsOf, lookUp } from "./look-up.ts";
import { type AllServers, SERVER_NAMES, startAll } from "./servers/all.ts";

let servers: AllServers;
beforeAll(async () => {
  servers = await startAll();
});
afterAll(() => servers?.[Symbol.asyncDispose]());

// The table is complete: each server does what it is listed for, and nothing else.
describe.each(DIFFERENCES)("$what: $shownBy", (difference) => {
  const shownBy = difference.shownBy.split(", ");

  test("names servers that there are", () => {
    expect(SERVER_NAMES).toEqual(expect.arrayContaining(shownBy));
  });

  test.concurrent.each(SERVER_NAMES)("%s", async (name) => {
    const server = servers.get(name);
    const shown = shownBy.includes(name);
    expect(await difference.shows(server.port), "does it").toBe(shown);
    const { comes, comesThere = comes, except = {} } = difference;
    await check(lookUp(server, difference.lookUp, { withinMs: 1_500 }), except[name] ?? (shown ? comesThere : comes));
  });
});

async function check(found: ReturnType<typeof lookUp>, expected: Expected): Promise<void> {
  if (expected.fails !== undefined) {
    await expect(found).rejects.toThrow(expected.fails);
    return;
  }
  const resolution = await found;
  if (expected.empty !== undefined) {
    expect(resolution).toMatchObject({ kind: "empty", reason: expect.stringContaining(expected.empty) });
  } else if (typeof expected.endpoints === "number") {
    expect(endpointsOf(resolution)).toHaveLength(expected.endpoints);
  } else {
    expect(endpointsOf(resolution)).toEqual(expected.endpoints);
  }
  const [shortest, longest] = expected.ttlSeconds ?? [0, Number.POSITIVE_INFINITY];
  expect(resolution.ttlMs).toBeGreaterThanOrEqual(shortest * 1000);
  expect(resolution.ttlMs).toBeLessThanOrEqual(longest * 1000);
}
