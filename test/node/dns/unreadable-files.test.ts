import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";

// A process that cannot read the system's files, for a moment or at all, must not take them for missing: it would ask
// the wrong DNS server, or call the wrong host.

const root = fileURLToPath(new URL("../../..", import.meta.url));
const script = join(root, "test/support/system-files-child.ts");
const exec = promisify(execFile);
let directory: string;
let files: [string, string];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "unreadable-"));
  files = [join(directory, "resolv.conf"), join(directory, "hosts")];
  await writeFile(files[0], "nameserver 10.0.0.2\n");
  await writeFile(files[1], "10.0.0.1 one.test\n");
});
afterAll(() => rm(directory, { recursive: true }));

/** What the child prints. */
async function run(command: string, args: readonly string[]): Promise<unknown[]> {
  const { stdout } = await exec(command, [...args, ...files]);
  return stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

test("without a file descriptor left, a look-up fails with the reason, and the next one has the files", async () => {
  const lines = await run("sh", ["-c", `ulimit -n 64 && exec "$0" "$1" "$2" "$3" exhausted`, process.execPath, script]);
  const advice = "too many files are open, so close some, or raise the limit (ulimit -n)";
  expect(lines).toEqual([
    [
      `DnsError: cannot read ${files[0]} (EMFILE): ${advice}, or set dns.servers`,
      `DnsError: cannot read ${files[1]} (EMFILE): ${advice}`,
    ],
    ["10.0.0.2", "10.0.0.1"],
  ]);
});

test("under node --permission, a file that may not be read is named, and the flag that allows it", async () => {
  const flags = ["--no-warnings", "--permission", `--allow-fs-read=${root}*`];
  expect(await run(process.execPath, [...flags, script])).toEqual([
    [
      `DnsError: cannot read ${files[0]} (ERR_ACCESS_DENIED): allow it with --allow-fs-read=${files[0]}, or set dns.servers`,
      `DnsError: cannot read ${files[1]} (ERR_ACCESS_DENIED): allow it with --allow-fs-read=${files[1]}`,
    ],
  ]);
  const allowed = files.map((file) => `--allow-fs-read=${file}`);
  expect(await run(process.execPath, [...flags, ...allowed, script])).toEqual([["10.0.0.2", "10.0.0.1"]]);
});
