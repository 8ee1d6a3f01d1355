import { describe, expect, test } from "vitest";
import type { ResolveContext } from "../../src/discovery/resolver.ts";
import { createResolver, type ResolverOptions } from "../../src/node.ts";

const context = { signal: new AbortController().signal, deadline: Number.POSITIVE_INFINITY } as ResolveContext;

test("a resolver finds what a transport of the same target would", async () => {
  const resolution = await createResolver("static:///10.0.0.1:80,10.0.0.2:81").resolve(context);
  expect(resolution).toMatchObject({
    kind: "endpoints",
    endpoints: [
      { address: "10.0.0.1", port: 80 },
      { address: "10.0.0.2", port: 81 },
    ],
  });
});

test("has the target as it was written, and the name that TLS verifies", () => {
  const target = "srv:///_grpc._tcp.users.example.com?dns-transport=tcp";
  expect(createResolver(target)).toMatchObject({ target, authority: "users.example.com" });
});

describe("what a resolver cannot use is an error that names it", () => {
  const target = "srv:///_grpc._tcp.users.example.com";
  test.each<[string, ResolverOptions | undefined, string]>([
    [`${target}?max-attempts=2`, undefined, "retry.maxAttempts is an option of a transport, not of a resolver"],
    [`${target}?dns-min-ttl=1s`, undefined, "dns.minTtlMs is an option of a transport, not of a resolver"],
    [target, { dns: { maxTtlMs: 1 } as ResolverOptions["dns"] & {} }, "dns.maxTtlMs is an option of a transport"],
    [target, { dns: { servers: ["nowhere"] } }, "dns.servers must be"],
    [target, { dns: { server: "10.0.0.2" } as ResolverOptions["dns"] & {} }, 'unknown option "dns.server"'],
    ["http://users.example.com", undefined, 'write "dns:///users.example.com:80"'],
    [undefined as unknown as string, undefined, 'target must be text, such as "srv:'],
  ])("%s %j", (text, options, message) => {
    expect(() => createResolver(text, options)).toThrow(message);
  });
});
