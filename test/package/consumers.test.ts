import { execFile } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type BuildOptions, build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DemoDnsServer, startDnsServer } from "../../examples/demo/dns-server.ts";
import { type EchoServer, startEchoServer } from "../support/servers.ts";
import { createProject, type Kind, type Project } from "./project.ts";

let project: Project;
let server: EchoServer;
let dns: DemoDnsServer;
// Where nothing is installed: a bundle has to bring everything along.
const bundles = mkdtempSync(join(tmpdir(), "connect-lb-bundles-"));

beforeAll(async () => {
  project = await createProject();
  server = await startEchoServer({ httpVersion: "2", name: "backend" });
  dns = await startDnsServer();
  dns.srv("_grpc._tcp.users.test", [{ target: "one.users.test", port: server.port, address: "127.0.0.1" }], 30);
  await project.compile("esm", { module: "node16", rewriteRelativeImportExtensions: true });
  await project.compile("cjs", { module: "node16", rewriteRelativeImportExtensions: true });
});

afterAll(async () => {
  project?.[Symbol.dispose]();
  server?.kill();
  await dns?.close();
  rmSync(bundles, { recursive: true });
});

async function run(node: string, ...args: string[]): Promise<unknown> {
  const { stdout, stderr } = await promisify(execFile)(node, args, { cwd: bundles, timeout: 10_000 });
  expect(stderr).toBe("");
  return JSON.parse(stdout);
}

async function expectCalls(node: string, ...args: string[]): Promise<void> {
  const targets = [`static:///127.0.0.1:${server.port}`, `srv://${dns.address}/_grpc._tcp.users.test`];
  for (const target of targets) {
    expect(await run(node, ...args, target)).toMatchObject({ text: "hello", server: "backend", endpoints: 1 });
  }
}

/** Everything in one file; the CommonJS one from what the compiler made, so that it is the package's own CommonJS. */
async function bundle(kind: Kind, name: string, options: BuildOptions): Promise<string> {
  const outfile = join(bundles, `${name}.${kind === "esm" ? "mjs" : "cjs"}`);
  const entry = join(project.folder(kind), kind === "esm" ? "call.ts" : "call.js");
  const { warnings } = await build({
    ...{ entryPoints: [entry], outfile, bundle: true, format: kind, logLevel: "silent" },
    ...options,
  });
  expect(warnings).toEqual([]);
  return outfile;
}

describe("the tarball", () => {
  const sources = (pattern: string) =>
    globSync(join(project.installed, pattern)).map((file) => readFileSync(file, "utf8"));

  test("holds the build, the licence and what a reader needs, and nothing else", () => {
    const files = globSync("**/*", { cwd: project.installed, exclude: ["dist", "docs"] });
    expect(files.sort()).toEqual(["CHANGELOG.md", "LICENSE", "README.md", "package.json"]);
    const pages = globSync("**/*", { cwd: join(project.installed, "docs") });
    // Error messages refer to it.
    expect(pages).toContain("configuration.md");
    for (const page of pages) expect(page).toMatch(/^[\w-]+\.md$/);
    const built = globSync("**/*", { cwd: join(project.installed, "dist") });
    const endings = [".cjs", ".d.cts", ".d.ts", ".js"];
    const entries = ["index", "node"].flatMap((entry) => endings.map((ending) => entry + ending));
    expect(built.sort()).toEqual([...entries, "sbom.cdx.json", "third-party-licenses.txt"]);
  });

  test("has no require() that an ES module cannot do", () => {
    for (const code of sources("dist/*.js")) expect(code).not.toMatch(/Dynamic require of|__require\w*\(["']/);
  });

  test("needs nothing but its peers and Node", () => {
    const imported = [...sources("dist/*.js"), ...sources("dist/*.cjs")].flatMap((code) =>
      [...code.matchAll(/^import .* from ["'](.*)["'];|^(?:var|const|let) .*\brequire\(["'](.*)["']\)/gm)].map(
        ([, esm, cjs]) => esm ?? cjs,
      ),
    );
    expect(imported).toContain("@connectrpc/connect");
    expect(imported.filter((name) => !/^@(connectrpc\/connect|bufbuild\/protobuf)(\/|$)/.test(name as string))).toEqual(
      [],
    );
  });

  test("has types that speak of Connect's alone: no cockatiel, no dns-packet", () => {
    const imported = [...sources("dist/*.d.ts"), ...sources("dist/*.d.cts")].flatMap((code) =>
      [...code.matchAll(/(?:from|import\() ?["']((?:@[^/"']+\/)?[^/"']+)/g)].map(([, name]) => name as string),
    );
    expect([...new Set(imported)].sort()).toEqual(["@bufbuild/protobuf", "@connectrpc/connect"]);
  });
});

describe("its types are sound, every declaration file checked", () => {
  // `node16` is what the programs below were compiled with, as an ES module and as CommonJS.
  test("under the resolution `bundler`", async () => {
    await project.compile("esm", {
      ...{ module: "esnext", moduleResolution: "bundler" },
      ...{ noEmit: true, allowImportingTsExtensions: true },
    });
  });
});

describe.each(["current", "oldest"] as const)("the %s Node", (which) => {
  const node = () => project.nodes[which];

  test("is the one meant", async () => {
    const { stdout } = await promisify(execFile)(node(), ["--version"]);
    expect(stdout).toMatch(which === "current" ? /^v24\./ : /^v22\.12\./);
  });

  test("calls from an ES module", () => expectCalls(node(), join(project.folder("esm"), "call.js")));

  test("calls from CommonJS, where require() loads no ES modules", () =>
    expectCalls(node(), "--no-experimental-require-module", join(project.folder("cjs"), "call.js")));

  test.each([
    ["esm", false],
    ["esm", true],
    ["cjs", false],
    ["cjs", true],
  ] as const)("calls from an esbuild bundle: %s, minified: %s", async (kind, minify) => {
    const file = await bundle(kind, `${which}-${minify}`, { platform: "node", minify });
    await expectCalls(node(), "--no-experimental-require-module", file);
  });
});

test("a bundle without the condition `node` says so when the transport is made", async () => {
  const file = await bundle("esm", "neutral", { platform: "neutral", mainFields: ["module", "main"] });
  expect(await run(process.execPath, file, "static:///127.0.0.1:1")).toEqual({
    error: expect.stringMatching(/ConfigurationError: .*use the "node" export condition \(esbuild: --platform=node\)$/),
  });
});
