import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const root = new URL("../../", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), "utf8");
const manifest = (name: string) => JSON.parse(read(`node_modules/${name}/package.json`));

/** The packages whose files are in the build: the bundler names each file in a comment. */
const inlined = ["dist/node.js", "dist/node.cjs"].map((file) => {
  const files = read(file).matchAll(/^\/\/ .*node_modules\/((?:@[^/\n]+\/)?[^/\n]+)\//gm);
  return [...new Set([...files].map(([, name]) => name as string))].sort();
});
const sbom = JSON.parse(read("dist/sbom.cdx.json"));

test("the SBOM lists what is inlined, with its version and licence", () => {
  expect(inlined[0]).toContain("@connectrpc/connect-node");
  expect(inlined[1]).toEqual(inlined[0]);
  const expected = inlined[0]?.map((name) => {
    const { version, license } = manifest(name);
    const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
    return expect.objectContaining({ type: "library", version, purl, licenses: [{ license: { id: license } }] });
  });
  expect(sbom.components).toEqual(expected);
});

test("the SBOM is one of this package, in CycloneDX 1.6", () => {
  const { name, version } = JSON.parse(read("package.json"));
  expect(sbom).toMatchObject({
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    metadata: { component: { name, version } },
  });
  const references = sbom.components.map((component: Record<string, unknown>) => component["bom-ref"]);
  expect(new Set(references).size).toBe(references.length);
  expect(sbom.dependencies[0]).toEqual({ ref: sbom.metadata.component["bom-ref"], dependsOn: references });
});

test("the licence of each is in the package, with its copyright", () => {
  const licences = read("dist/third-party-licenses.txt").split(`\n${"-".repeat(80)}\n\n`);
  expect(licences.length).toBe(inlined[0]?.length);
  for (const [index, name] of (inlined[0] ?? []).entries()) {
    const { version, license } = manifest(name);
    const text = licences[index] as string;
    expect(text.startsWith(`${name} ${version} (${license})`)).toBe(true);
    expect(text).toMatch(/^Copyright .*\d{4}/m);
    expect(text).toContain(license === "MIT" ? "THE SOFTWARE IS PROVIDED" : "TERMS AND CONDITIONS FOR USE");
  }
});
