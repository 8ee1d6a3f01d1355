import { describe, expect, test } from "vitest";
import { mistakes } from "./mistakes.ts";

describe("a mistake", () => {
  test.each(mistakes.map((row) => [row.mistake, row] as const))("%s", async (_, { message, because, make }) => {
    const seen = await make();
    if (seen === "succeeds") expect(message).toBe("succeeds");
    else expect([seen.message, seen.because]).toEqual([message, because]);
  });

  test("is one of 80, or of the lists beside them", () => {
    expect(mistakes.length).toBeGreaterThanOrEqual(80 + 22 + 11);
    expect(new Set(mistakes.map(({ mistake }) => mistake)).size).toBe(mistakes.length);
  });
});
