import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { protocolExports } from "../../src/node/connect-node/protocol-exports.ts";

describe.each(["node.js", "node.cjs"])("dist/%s", (file) => {
  const code = readFileSync(new URL(`../../dist/${file}`, import.meta.url), "utf8");

  test("imports no built-in module: an ES module of one runs all its getters, and loads undici", () => {
    expect(code).not.toMatch(/(?:from|import) ?["']node:|require\(["'](?:node:)?\w+["']\)/);
  });

  test("has no import(), which bundlers hoist, or wrap so that all it shares is parsed twice", () => {
    expect(code).not.toMatch(/\bimport\(/);
  });

  test("takes nothing of Connect's protocols that the check of the peers does not know", () => {
    const named = /import \{[^}]*\} from ["']@connectrpc\/connect\/protocol/;
    expect(code).not.toMatch(named);
    const modules = /(?:import \* as|var) (\w+)(?: from | = require\()["']@connectrpc\/connect\/protocol[\w-]*["']/g;
    const namespaces = [...code.matchAll(modules)].map(([, name]) => name);
    expect(namespaces.length).toBe(4);
    const used = code.matchAll(new RegExp(`\\b(?:${namespaces.join("|")})(?:__namespace)?\\.(\\w+)`, "g"));
    const known = Object.keys(protocolExports()).map((name) => name.replace(/ .*/, ""));
    expect([...new Set([...used].map(([, name]) => name))].sort()).toEqual([...new Set(known)].sort());
  });
});

test("of this Connect nothing is missing", () => {
  expect(Object.values(protocolExports())).not.toContain(undefined);
});
