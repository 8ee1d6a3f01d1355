import { execFile } from "node:child_process";
import { cpSync, readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type EchoServer, startEchoServer } from "../support/servers.ts";
import { createProject, type Kind, type Project } from "./project.ts";

const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
const ranges: Readonly<Record<string, string>> = manifest.peerDependencies;
const lowest = Object.fromEntries(Object.entries(ranges).map(([name, range]) => [name, range.replace(/^\^/, "")]));

/** What the program prints for a target, given as an argument and by the environment: each as an ES module and as CommonJS. */
async function outputs(project: Project, target: string): Promise<unknown[]> {
  const run = async (kind: Kind, args: string[], env: Record<string, string>) => {
    const program = join(project.folder(kind), "call.js");
    // CommonJS as on a Node whose require() loads no ES modules.
    const argv = ["--no-experimental-require-module", program, ...args];
    const { stdout } = await promisify(execFile)(process.execPath, argv, { env: { ...process.env, ...env } });
    return JSON.parse(stdout);
  };
  const env = { CONNECT_LB_TARGET: target, CONNECT_LB_TLS: "false" };
  const kinds = ["esm", "cjs"] as const;
  return Promise.all(kinds.flatMap((kind) => [run(kind, [target], {}), run(kind, [], env)]));
}

async function compile(project: Project, options: { readonly noCheck: boolean }): Promise<void> {
  for (const kind of ["esm", "cjs"] as const) {
    await project.compile(kind, { module: "node16", rewriteRelativeImportExtensions: true, ...options });
  }
}

const version = (project: Project, name: string) =>
  JSON.parse(readFileSync(join(project.modules, name, "package.json"), "utf8")).version;

describe.each([
  ["lowest", lowest],
  ["newest", ranges],
])("the %s peers of our ranges", (which, peers) => {
  let project: Project;
  let server: EchoServer;

  beforeAll(async () => {
    project = await createProject({ peers });
    await compile(project, { noCheck: false });
    server = await startEchoServer({ httpVersion: "2", name: "backend" });
  });
  afterAll(() => {
    project?.[Symbol.dispose]();
    server?.kill();
  });

  test("are those that were installed", () => {
    const installed = Object.fromEntries(Object.keys(ranges).map((name) => [name, version(project, name)]));
    if (which === "lowest") expect(installed).toEqual(lowest);
    else expect(installed["@connectrpc/connect"]).toBe(installed["@connectrpc/connect-node"]);
  });

  test("carry calls", async () => {
    const answer = { text: "hello", server: "backend", endpoints: 1 };
    expect(await outputs(project, `static:///127.0.0.1:${server.port}`)).toMatchObject([
      answer,
      answer,
      answer,
      answer,
    ]);
  });
});

const older = (connect: string) => ({ "@connectrpc/connect": connect, "@connectrpc/connect-node": connect });
const UPDATE = 'run "npm install @connectrpc/connect@^2.2.0 @connectrpc/connect-node@^2.2.0"';

/** Expects one clear error from every way in, and that nothing connects. */
async function expectRefusal(project: Project, problem: string): Promise<void> {
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = server.address() as AddressInfo;
    const error = {
      error: `ConfigurationError: connect-lb needs @connectrpc/connect 2.2.0 or later, and ${problem}: ${UPDATE}`,
    };
    expect(await outputs(project, `static:///127.0.0.1:${port}`)).toEqual([error, error, error, error]);
    expect(connections).toBe(0);
  } finally {
    server.close();
  }
}

describe("older peers", { timeout: 120_000 }, () => {
  test("are not installed by npm", async () => {
    await expect(createProject({ peers: older("2.1.2") })).rejects.toThrow("ERESOLVE");
  });

  test.each([
    ["2.0.0", "--force"],
    ["2.1.2", "--legacy-peer-deps"],
  ])("%s, by %s, are one clear error where a transport is created", async (connect, flag) => {
    using project = await createProject({ peers: older(connect), flags: [flag] });
    // Their types are not the point.
    await compile(project, { noCheck: true });
    expect(version(project, "@connectrpc/connect")).toBe(connect);
    await expectRefusal(project, "an older copy was loaded");
  });

  test("that only connect-node loads, as in a monorepo, are one too", async () => {
    using project = await createProject({
      peers: { "older-connect": "npm:@connectrpc/connect@2.1.2" },
      flags: ["--force"],
    });
    await compile(project, { noCheck: true });
    const own = join(project.modules, "@connectrpc/connect-node/node_modules/@connectrpc/connect");
    cpSync(join(project.modules, "older-connect"), own, { recursive: true });
    await expectRefusal(project, "@connectrpc/connect-node loaded an older copy");
  });
});
