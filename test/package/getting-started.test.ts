import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { environment, npm, oldestNode, pack, quiet, root } from "./npm.ts";
import { type Step, stepsOf } from "./page.ts";
import { Terminal } from "./terminal.ts";

// docs/getting-started.md to the letter, from top to bottom, in an empty folder. Two words differ: `connect-lb` is installed
// from what `npm pack` makes, and the ports are free ones.

const page = stepsOf(join(root, "docs/getting-started.md"));
const runs = (pattern: RegExp) => (step: Step) => "command" in step && pattern.test(step.command);
const folder = mkdtempSync(join(tmpdir(), "connect-lb-page-"));
const tools = join(folder, "tools");
/** Without the repository's own tools, which the page would not have to install. */
const path = (environment.PATH ?? "").split(delimiter).filter((entry) => !entry.includes("node_modules"));
let tarball: string;

beforeAll(async () => {
  tarball = join(folder, await pack(folder));
  mkdirSync(tools);
  writeFileSync(join(tools, "package.json"), JSON.stringify({ dependencies: { "node-oldest": oldestNode } }));
  await npm(tools, "install", ...quiet);
});
afterAll(() => rmSync(folder, { recursive: true }));

async function freePorts(count: number): Promise<string[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => new Promise((resolve) => server.once("listening", resolve))));
  const ports = servers.map((server) => `${(server.address() as AddressInfo).port}`);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Does what the page says, and returns each command that has an output on the page, with its real one. */
async function follow(steps: readonly Step[], name: string, node: string): Promise<(readonly [string, string])[]> {
  const empty = join(folder, name);
  mkdirSync(empty);
  const [one, other] = (await freePorts(2)) as [string, string];
  const local = (text: string) => text.replaceAll("8081", one).replaceAll("8082", other);
  const common = (text: string) => text.replaceAll(one, "8081").replaceAll(other, "8082");
  const env = { ...environment, PATH: [dirname(node), ...path].join(delimiter), npm_config_prefer_offline: "true" };
  await using terminal = new Terminal(empty, env);
  const outputs: (readonly [string, string])[] = [];
  for (const step of steps) {
    if ("file" in step) {
      writeFileSync(join(empty, step.file), local(step.text));
      continue;
    }
    const command = step.command.replace("npm install connect-lb ", `npm install ${tarball} `);
    const output = await (/ server\.\w+$/.test(command) ? terminal.startServer(command) : terminal.run(command));
    if (step.output !== undefined) outputs.push([step.command, common(output)]);
  }
  return outputs;
}

/** What the page shows. */
const shown = (steps: readonly Step[]) =>
  steps.flatMap((step) => ("command" in step && step.output !== undefined ? [[step.command, step.output]] : []));

describe("docs/getting-started.md", () => {
  test("runs a server and a client as ES modules, with tsx, and as CommonJS", () => {
    const programs = [/^node \w+\.ts$/, /^npx tsx \w+\.ts$/, /^node \w+\.js$/];
    expect(programs.map((pattern) => page.filter(runs(pattern)).length)).toEqual([2, 2, 2]);
  });

  test("works to the letter", { timeout: 120_000 }, async () => {
    expect(await follow(page, "current", process.execPath)).toEqual(shown(page));
  });

  test("works on the oldest Node, but for TypeScript without tsx", { timeout: 120_000 }, async () => {
    const steps = page.filter((step) => !runs(/^node \w+\.ts$/)(step));
    const node = join(tools, "node_modules/node-oldest/bin/node");
    expect(await follow(steps, "oldest", node)).toEqual(shown(steps));
  });
});
