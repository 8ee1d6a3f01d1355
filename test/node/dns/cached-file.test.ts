import { mkdir, mkdtemp, rename, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DnsError } from "../../../src/dns/dns-client.ts";
import { createCachedFile } from "../../../src/node/dns/cached-file.ts";
import { readSteadily } from "../../../src/node/dns/file-version.ts";
import { manualClock } from "../../support/endpoint-client.ts";

// A file that is looked at when somebody asks, no more often than every 5 s, and parsed again when it has changed.

let directory: string;
let path: string;
let clock: ReturnType<typeof manualClock>;
let parsed: string[];
let missed: number;
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
  const missing = () => `missing, for the ${++missed}. time`;
  missed = 0;
  read = createCachedFile({ path, clock, parse, missing, wayOut: ", or do without" });
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

test("while a file is missing, what counts instead is asked for each time", async () => {
  expect(await read()).toBe("missing, for the 1. time");
  clock.time += 5_000;
  expect(await read()).toBe("missing, for the 2. time");
  await write("one", 1);
  expect(await read()).toBe("missing, for the 3. time");
  clock.time += 5_000;
  expect(await read()).toBe("<one>");
  expect(parsed).toEqual(["one"]);
});

test("a file that goes away is missing, and comes back as it was", async () => {
  await write("one", 1);
  await read();
  await rename(path, `${path}-away`);
  clock.time += 5_000;
  expect(await read()).toBe("missing, for the 1. time");
  await rename(`${path}-away`, path);
  expect((await stat(path)).mtimeMs).toBe(1_000);
  clock.time += 5_000;
  expect(await read()).toBe("<one>");
});

/** Errors that say nothing of what the file holds. Made for real, and as a superuser too, whom permissions do not stop. */
const FAILURES: [string, string, () => Promise<void>][] = [
  ["cannot be looked at (ELOOP)", "ELOOP", () => symlink(path, path)],
  ["cannot be read (EISDIR)", "EISDIR", async () => void (await mkdir(path))],
];

test.each(FAILURES)(
  "a file that %s is an error, and is read again for the next one who asks",
  async (_, code, fail) => {
    await fail();
    const failed = await read().catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(DnsError);
    expect(failed).toMatchObject({
      message: `cannot read ${path} (${code}): check that it is a file, or do without`,
      cause: { code },
    });
    await rm(path, { recursive: true });
    await write("one", 1);
    if (code === "EISDIR") clock.time += 5_000;
    expect(await read()).toBe("<one>");
  },
);

test.each(FAILURES)("while a file %s, its last value counts", async (_, _code, fail) => {
  await write("one", 1);
  expect(await read()).toBe("<one>");
  await rm(path);
  await fail();
  for (let i = 0; i < 3; i++) {
    clock.time += 5_000;
    expect(await read()).toBe("<one>");
  }
  await rm(path, { recursive: true });
  await write("other", 2);
  clock.time += 5_000;
  expect(await read()).toBe("<other>");
});

describe("a file that changes while it is read", () => {
  test("is read again", async () => {
    await write("half", 1);
    let reads = 0;
    const read = await readSteadily(path, async (file) => {
      const text = await file.readFile("utf8");
      if (++reads === 1) await write("the whole", 2);
      return text;
    });
    expect(read).toEqual({ value: "the whole", isSteady: true });
  });

  test("and never stands still is read three times, and again for the next one who asks", async () => {
    let reads = 0;
    await write("0", 1);
    const read = await readSteadily(path, async (file) => {
      const text = await file.readFile("utf8");
      await write(`${++reads}`, 1 + reads);
      return text;
    });
    expect(read).toEqual({ value: "2", isSteady: false });
  });

  test("and goes away is missing", async () => {
    expect(await readSteadily(path, (file) => file.readFile("utf8"))).toBeUndefined();
  });
});
