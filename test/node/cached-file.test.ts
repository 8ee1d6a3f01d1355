import { mkdtemp, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createCachedFile } from "../../src/node/cached-file.ts";
import { createSystemServers } from "../../src/node/resolv-conf.ts";
import { manualClock } from "../support/endpoint-client.ts";

// A file that is looked at when somebody asks, no more often than every 5 s, and parsed again when it has changed.

let directory: string;
let path: string;
let clock: ReturnType<typeof manualClock>;
let parsed: string[];
let read: () => Promise<string>;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "cached-file-"));
  path = join(directory, "file");
  clock = manualClock();
  parsed = [];
  const parse = (text: string) => {
    parsed.push(text);
    return `<${text}>`;
  };
  read = createCachedFile(path, parse, clock);
});
afterEach(() => rm(directory, { recursive: true }));

/** Writes the file and gives it this time of its last change. */
async function write(text: string, changedAt: number, at = path): Promise<void> {
  await writeFile(at, text);
  await utimes(at, changedAt, changedAt);
}

test("is not read before somebody asks, and once for all who ask within 5 s", async () => {
  await write("one", 1);
  expect(parsed).toEqual([]);
  expect(await read()).toBe("<one>");
  await write("other", 2);
  for (const passedMs of [0, 1, 4_998]) {
    clock.time += passedMs;
    expect(await read()).toBe("<one>");
  }
  expect(parsed).toEqual(["one"]);
  clock.time += 1;
  expect(await read()).toBe("<other>");
});

test("is looked at again 5 s after the last look, not after the last change", async () => {
  await write("one", 1);
  await read();
  clock.time += 7_000;
  await read();
  await write("other", 2);
  clock.time += 4_000;
  expect(await read()).toBe("<one>");
  clock.time += 1_000;
  expect(await read()).toBe("<other>");
});

test("is not parsed again while it is the same", async () => {
  await write("one", 1);
  for (let i = 0; i < 5; i++) {
    expect(await read()).toBe("<one>");
    clock.time += 60_000;
  }
  expect(parsed).toEqual(["one"]);
});

test.each([
  ["its time", () => write("two", 2)],
  ["its size, within the same tick of the file system's clock", () => write("longer", 1)],
  [
    "the file itself, by one of the same time and size",
    async () => {
      await write("two", 1, `${path}-new`);
      await rename(`${path}-new`, path);
    },
  ],
])("is parsed again after a change of %s", async (_, change) => {
  await write("one", 1);
  expect(await read()).toBe("<one>");
  await change();
  clock.time += 5_000;
  await read();
  expect(parsed).toHaveLength(2);
  expect(parsed[1]).not.toBe("one");
});

test("a clock that was set back does not keep an old value", async () => {
  await write("one", 1);
  await read();
  await write("other", 2);
  clock.time -= 3_600_000;
  expect(await read()).toBe("<other>");
  await write("third one", 3);
  expect(await read()).toBe("<other>");
  clock.time += 5_000;
  expect(await read()).toBe("<third one>");
});

test("a file that is missing is an empty one, until it is there", async () => {
  expect(await read()).toBe("<>");
  clock.time += 5_000;
  expect(await read()).toBe("<>");
  expect(parsed).toEqual([""]);
  await write("one", 1);
  expect(await read()).toBe("<>");
  clock.time += 5_000;
  expect(await read()).toBe("<one>");
});

test("a file that goes away is an empty one, and comes back as it was", async () => {
  await write("one", 1);
  await read();
  await rename(path, `${path}-away`);
  clock.time += 5_000;
  expect(await read()).toBe("<>");
  await rename(`${path}-away`, path);
  expect((await stat(path)).mtimeMs).toBe(1_000);
  clock.time += 5_000;
  expect(await read()).toBe("<one>");
});

test("the system's DNS servers follow resolv.conf", async () => {
  const servers = createSystemServers(clock, path);
  await write("nameserver 10.0.0.2\n", 1);
  expect((await servers()).servers).toEqual([{ address: "10.0.0.2", port: 53 }]);
  await write("nameserver 10.0.0.3\noptions rotate\n", 2);
  clock.time += 5_000;
  expect(await servers()).toMatchObject({ servers: [{ address: "10.0.0.3", port: 53 }], rotate: true });
});
