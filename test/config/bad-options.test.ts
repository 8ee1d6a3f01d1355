import { describe, expect, it } from "vitest";
import { ConfigurationError, createBalancedTransport } from "../../src/node.ts";
import { badOptions } from "./bad-options.ts";

describe("wrong options and targets", () => {
  it("are at least 60", () => {
    expect(badOptions.length).toBeGreaterThanOrEqual(60);
  });

  it.each(badOptions.map(({ options, message }) => [message, options] as const))("%s", (message, options) => {
    let thrown: unknown;
    try {
      createBalancedTransport(options as never);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(ConfigurationError);
    expect((thrown as Error).message).toBe(message);
  });

  it("never show a secret, nor an empty place", () => {
    for (const { message } of badOptions) {
      expect(message).not.toMatch(/secret|hunter2|undefined$/);
    }
  });
});
