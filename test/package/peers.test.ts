import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
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
    else expect(Object.keys(installed)).toEqual(["@bufbuild/protobuf", "@connectrpc/connect"]);
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

/** Expects one clear error from every way in, and that nothing connects. */
async function expectRefusal(project: Project, error: unknown): Promise<void> {
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = server.address() as AddressInfo;
    const refusal = { error };
    const answers = await outputs(project, `static:///127.0.0.1:${port}`);
    expect(answers).toEqual([refusal, refusal, refusal, refusal]);
    expect(connections).toBe(0);
  } finally {
    server.close();
  }
}

describe("older peers", { timeout: 120_000 }, () => {
  test("are not installed by npm", async () => {
    await expect(createProject({ peers: { "@connectrpc/connect": "2.1.2" } })).rejects.toThrow("ERESOLVE");
  });

  test.each([
    ["2.0.0", "--force"],
    ["2.1.2", "--legacy-peer-deps"],
  ])("%s, by %s, are one clear error where a transport is created", async (connect, flag) => {
    using project = await createProject({ peers: { "@connectrpc/connect": connect }, flags: [flag] });
    // Their types are not the point.
    await compile(project, { noCheck: true });
    expect(version(project, "@connectrpc/connect")).toBe(connect);
    await expectRefusal(
      project,
      "ConfigurationError: connect-lb needs @connectrpc/connect 2.2.0 or later, and an older copy was loaded: " +
        'run "npm install @connectrpc/connect@^2.2.0"',
    );
  });
});

test("a peer that lacks what calls need is one clear error, too", { timeout: 120_000 }, async () => {
  using project = await createProject();
  await compile(project, { noCheck: false });
  for (const [kind, exported] of [
    ["esm", ", runStreamingCall"],
    ["cjs", /^.*"runStreamingCall".*$/m],
  ] as const) {
    const file = join(project.modules, `@connectrpc/connect/dist/${kind}/protocol/index.js`);
    const text = readFileSync(file, "utf8");
    const without = text.replace(exported, "");
    expect(without).not.toBe(text);
    writeFileSync(file, without);
  }
  await expectRefusal(
    project,
    expect.stringMatching(
      /^ConfigurationError: the @connectrpc\/connect that was loaded lacks runStreamingCall: update connect-lb, or run "npm install /,
    ),
  );
});
