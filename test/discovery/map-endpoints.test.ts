import { describe, expect, test } from "vitest";
import { mapEndpoints } from "../../src/discovery/map-endpoints.ts";
import type { Resolution, ResolveContext } from "../../src/discovery/resolver.ts";
import type { EndpointSpec } from "../../src/endpoint.ts";

const one = { address: "10.0.0.1", port: 80 };
const two = { address: "10.0.0.2", port: 80 };
const withZone = (endpoint: EndpointSpec) => ({ ...endpoint, metadata: { zone: "a" } });
const onlyTwo = (endpoint: EndpointSpec) => (endpoint.address === two.address ? endpoint : undefined);
const context = {} as ResolveContext;

function changed(answer: Resolution, change: Parameters<typeof mapEndpoints>[1]): Promise<Resolution> {
  const resolver = { target: "registry", authority: "users.test", resolve: async () => answer };
  return mapEndpoints(resolver, change).resolve(context);
}

test("keeps the target, and the name that TLS verifies", () => {
  const resolve = async (): Promise<Resolution> => ({ kind: "endpoints", endpoints: [one] });
  const named = mapEndpoints({ target: "registry", authority: "users.test", resolve }, withZone);
  expect(named).toMatchObject({ target: "registry", authority: "users.test" });
  expect(mapEndpoints({ target: "registry", resolve }, withZone)).not.toHaveProperty("authority");
});

describe("an answer", () => {
  test("has each endpoint changed, and the rest of it as it was", async () => {
    const answer: Resolution = {
      kind: "endpoints",
      endpoints: [one, two],
      ttlMs: 7_000,
      partial: true,
      dropped: ["x"],
    };
    const expected = { ...answer, endpoints: [withZone(one), withZone(two)] };
    expect(await changed(answer, withZone)).toEqual(expected);
  });

  test.each<Resolution>([
    { kind: "empty", ttlMs: 1_000, reason: "NXDOMAIN" },
    { kind: "unavailable", reason: "." },
  ])("of kind $kind stays as it is", async (answer) => expect(await changed(answer, withZone)).toBe(answer));

  test("of which nothing is left has no endpoints", async () => {
    const answer: Resolution = { kind: "endpoints", endpoints: [one], ttlMs: 7_000 };
    const reason = "each of the 1 endpoints was left out";
    expect(await changed(answer, onlyTwo)).toEqual({ kind: "empty", ttlMs: 7_000, reason });
  });

  test("that has more to come has that changed as well", async () => {
    const rest = Promise.resolve<Resolution>({ kind: "endpoints", endpoints: [one, two] });
    const answer = await changed({ kind: "endpoints", endpoints: [one], rest }, withZone);
    expect(await (answer as { rest: Promise<Resolution> }).rest).toMatchObject({
      endpoints: [withZone(one), withZone(two)],
    });
  });

  test("of which nothing is left yet is waited for", async () => {
    const rest = Promise.resolve<Resolution>({ kind: "endpoints", endpoints: [one, two] });
    expect(await changed({ kind: "endpoints", endpoints: [one], rest }, onlyTwo)).toMatchObject({ endpoints: [two] });
  });

  test("whose rest fails is used without it, and the failure is handled", async () => {
    const rest = Promise.reject<Resolution>(new Error("SERVFAIL"));
    const answer = await changed({ kind: "endpoints", endpoints: [one], rest }, withZone);
    expect(answer).toMatchObject({ endpoints: [withZone(one)] });
    await expect((answer as { rest: Promise<Resolution> }).rest).rejects.toThrow("SERVFAIL");
  });

  test("for which the function throws is a failed look-up", async () => {
    const fails = () => {
      throw new Error("no zone");
    };
    await expect(changed({ kind: "endpoints", endpoints: [one] }, fails)).rejects.toThrow("no zone");
  });
});
