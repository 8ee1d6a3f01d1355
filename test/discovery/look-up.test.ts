import { expect, it } from "vitest";
import { lookUp } from "../../src/discovery/look-up.ts";
import type { ResolveContext } from "../../src/discovery/resolver.ts";
import { FakeRuntime } from "../support/fake-runtime.ts";

const open = new AbortController().signal;

it("leaves a resolver that keeps its deadline the time to say what it waited for", async () => {
  const runtime = new FakeRuntime();
  const resolver = {
    target: "test",
    async resolve({ clock, deadline }: ResolveContext): Promise<never> {
      await runtime.sleep(deadline - clock.now());
      throw new Error("10.0.0.2:53 gave no answer");
    },
  };
  const outcome = expect(lookUp(resolver, "first", runtime, open)).rejects.toThrow("10.0.0.2:53 gave no answer");
  await runtime.advance(5_000);
  await outcome;
});

it("gives up a resolver that does not", async () => {
  const runtime = new FakeRuntime();
  const resolver = { target: "test", resolve: () => new Promise<never>(() => {}) };
  const outcome = expect(lookUp(resolver, "first", runtime, open)).rejects.toThrow("no answer within 5000 ms");
  await runtime.advance(5_000);
  await outcome;
});
