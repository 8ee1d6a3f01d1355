import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

// A reader goes down the house, from the entry points to what knows nothing of the rest, and never in a circle.

const root = fileURLToPath(new URL("../../src", import.meta.url));

/** From the lowest floor to the highest; rooms of one floor do not know each other. A file of no folder is a room. */
const FLOORS: readonly (readonly string[])[] = [
  ["runtime"],
  ["common"],
  ["net"],
  ["resilience"],
  ["endpoint"],
  ["dns", "pickers", "errors"],
  ["discovery", "interceptor-chain"],
  ["endpoints"],
  ["telemetry"],
  ["config"],
  ["schemes"],
  ["platform"],
  ["call", "node"],
  ["transport"],
  ["public"],
  // The entry points: `index.ts` and `node.ts`.
  ["entry points"],
];

/** Each file, and those that it imports; types count, because a reader follows them. */
const imports = new Map(
  globSync("**/*.ts", { cwd: root }).map((file) => {
    const text = readFileSync(join(root, file), "utf8");
    const paths = [...text.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)].map(([, path]) => path as string);
    return [file, paths.map((path) => join(dirname(file), path))];
  }),
);

function roomOf(file: string): string {
  if (file === "index.ts" || file === "node.ts") return "entry points";
  return file.includes("/") ? (file.split("/")[0] as string) : file.replace(/\.ts$/, "");
}

const floorOf = (file: string): number => FLOORS.findIndex((rooms) => rooms.includes(roomOf(file)));

test("every file has a room", () => {
  expect([...imports.keys()].filter((file) => floorOf(file) < 0)).toEqual([]);
});

test("no import leads up, or to another room of the same floor", () => {
  const wrong = [...imports].flatMap(([file, imported]) =>
    imported
      .filter((other) => roomOf(other) !== roomOf(file) && floorOf(other) >= floorOf(file))
      .map((other) => `${file} imports ${other}`),
  );
  expect(wrong).toEqual([]);
});

test("each room imports what docs/ARCHITECTURE.md says that it may, and nothing else", () => {
  const page = readFileSync(new URL("../../docs/ARCHITECTURE.md", import.meta.url), "utf8");
  const [, table = ""] = /## What each may know([\s\S]*?)\n## /.exec(page) ?? [];
  const documented = [...table.matchAll(/^\| `([\w-]+)` \| ([\w, -]*)\|/gm)].map(([, room, list = ""]) => [
    room,
    list.trim().split(", ").filter(Boolean).sort(),
  ]);
  const rooms = new Map<string, Set<string>>();
  for (const [file, imported] of imports) {
    const room = rooms.get(roomOf(file)) ?? new Set();
    rooms.set(roomOf(file), room);
    for (const other of imported) if (roomOf(other) !== roomOf(file)) room.add(roomOf(other));
  }
  rooms.delete("entry points");
  rooms.delete("public");
  const actual = [...rooms].map(([room, others]) => [room, [...others].sort()]);
  expect(documented.toSorted()).toEqual(actual.toSorted());
});

test("one file calls cockatiel, so that its price and what it cannot do are seen in one place", () => {
  const calling = [...imports.keys()].filter((file) =>
    readFileSync(join(root, file), "utf8").includes('from "cockatiel"'),
  );
  expect(calling).toEqual(["resilience/policies.ts"]);
});

test("only node/ names modules of Node's", () => {
  const naming = [...imports.keys()].filter((file) =>
    /from "node:|getBuiltinModule/.test(readFileSync(join(root, file), "utf8")),
  );
  expect([...new Set(naming.map(roomOf))]).toEqual(["node"]);
});

test("no file imports itself through others", () => {
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file);
    if (at >= 0) circles.push([...path.slice(at), file].join(" → "));
    if (at >= 0 || done.has(file)) return;
    for (const next of imports.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of imports.keys()) visit(file, []);
  expect(circles).toEqual([]);
});
