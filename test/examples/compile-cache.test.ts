import { execFile, execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const script = `${root}/examples/lambda/build-cache.sh`;
const PATH = `${dirname(process.execPath)}:${process.env.PATH}`;

test("the example's function runs from the compile cache that was deployed with it", { timeout: 30_000 }, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [`${root}/examples/lambda/compile-cache.ts`]);
  expect(stdout).toContain("Node accepted its compile cache");
});

test("the guide has the example's commands", () => {
  const commands = readFileSync(script, "utf8").split("\n").slice(2).join("\n");
  expect(readFileSync(`${root}/docs/lambda.md`, "utf8")).toContain(commands);
});

describe("a compile cache that was moved and may only be read", () => {
  let folder: string;
  let task: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "connect-lb-cache-test-"));
    chmodSync(folder, 0o755);
    const built = `${folder}/built`;
    task = `${folder}/task`;
    mkdirSync(built);
    writeFileSync(`${built}/index.mjs`, "export const handler = async () => {};\n");
    execFileSync("sh", [script], { cwd: built, env: { PATH } });
    renameSync(built, task);
  });

  afterEach(() => {
    execFileSync("chmod", ["-R", "u+w", folder]);
    rmSync(folder, { recursive: true });
  });

  interface Start {
    readonly flags?: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
    readonly uid?: number;
    readonly node?: string;
  }

  /** Whether Node takes the module's code from the cache, as Lambda starts it. */
  async function isAccepted({
    flags = ["--expose-gc"],
    env = {},
    node = process.execPath,
    ...user
  }: Start = {}): Promise<boolean> {
    const { stderr } = await promisify(execFile)(node, [...flags, `${task}/index.mjs`], {
      env: {
        NODE_COMPILE_CACHE: `${task}/compile-cache`,
        NODE_COMPILE_CACHE_PORTABLE: "1",
        NODE_DEBUG_NATIVE: "COMPILE_CACHE",
        ...env,
      },
      ...user,
    });
    return stderr.includes(`file://${task}/index.mjs was accepted`);
  }

  /** The folder for this Node, machine and user: `v24.21.0-x64-<V8's version tag>-<uid>`. */
  const cacheFolder = () => `${task}/compile-cache/${readdirSync(`${task}/compile-cache`)[0]}`;
  const rename = (change: (path: string) => string): Start => {
    chmodSync(`${task}/compile-cache`, 0o755);
    renameSync(cacheFolder(), change(cacheFolder()));
    return {};
  };
  const rewrite = (change: (code: string) => string): Start => {
    writeFileSync(`${task}/index.mjs`, change(readFileSync(`${task}/index.mjs`, "utf8")));
    return {};
  };

  test("is accepted", async () => expect(await isAccepted()).toBe(true));

  test("is accepted under flags that do not change what V8 compiles, as those for memory and headers", async () => {
    const flags = [
      "--expose-gc",
      "--max-http-header-size=81920",
      "--max-semi-space-size=6",
      "--max-old-space-size=400",
    ];
    expect(await isAccepted({ flags })).toBe(true);
  });

  test.each<[string, () => Start]>([
    ["the function is started without --expose-gc", () => ({ flags: [] })],
    ["the function is started with another flag of V8's", () => ({ flags: ["--expose-gc", "--no-opt"] })],
    ["NODE_COMPILE_CACHE_PORTABLE is missing", () => ({ env: { NODE_COMPILE_CACHE_PORTABLE: "" } })],
    ["the bundle has changed", () => rewrite((code) => `${code}// built again\n`)],
    ["it was built by another Node", () => rename((name) => name.replace("/v2", "/v3"))],
    ["it was built for another architecture", () => rename((name) => name.replace(process.arch, "other"))],
    ["it was built by another user", () => rename((name) => `${name}1`)],
  ])("is ignored where %s", async (_, spoil) => {
    expect(await isAccepted(spoil())).toBe(false);
  });

  describe.skipIf(process.getuid?.() !== 0)("of root's, for another user", () => {
    const nobody = 65_534;
    let start: Start;

    beforeEach(() => {
      rename((name) => name.replace(/-0$/, `-${nobody}`));
      // A copy, because the project may lie in a folder that only its owner may enter.
      start = { uid: nobody, node: `${folder}/node` };
      copyFileSync(process.execPath, `${folder}/node`);
      chmodSync(`${folder}/node`, 0o755);
    });

    test("is accepted under that user's number", async () => expect(await isAccepted(start)).toBe(true));

    test("is ignored with the file modes that Node writes", async () => {
      for (const file of readdirSync(cacheFolder())) chmodSync(`${cacheFolder()}/${file}`, 0o600);
      expect(await isAccepted(start)).toBe(false);
    });
  });
});
