import { expect, test } from "vitest";
import { known } from "./suite.ts";

test("a runtime's own list stands beside that of all: each of the patterns reaches the runner", () => {
  const patterns = (name: string) => known("failing", { name }).filter((option) => option !== "--known-failing");
  const ofAll = patterns("node");
  expect(ofAll.length).toBeGreaterThan(5);
  expect(ofAll.filter((pattern) => /^[#@\s]|^$/.test(pattern))).toEqual([]);
  const own = patterns("deno").slice(ofAll.length);
  expect(patterns("deno").slice(0, ofAll.length)).toEqual(ofAll);
  expect(own).toEqual([expect.stringMatching(/^Basic\/HTTPVersion:1\/.*TLS:true\/unimplemented$/)]);
});
