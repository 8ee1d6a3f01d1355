import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { linkedFiles, pages, repository, root } from "./repository.ts";

/** The anchor that GitHub gives a heading. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replace(/\s/g, "-");

function anchorsIn(page: string): string[] {
  return [...readFileSync(join(root, page), "utf8").matchAll(/^#+ (.+)$/gm)].map(([, text]) =>
    anchorOf(text as string),
  );
}

function linksOf(page: string): string[] {
  const text = readFileSync(join(root, page), "utf8").replace(/^```[\s\S]*?^```$/gm, "");
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target as string);
}

const isAbsolute = (link: string) => /^https?:/.test(link);
const fileOf = (page: string, link: string) => {
  const [path = ""] = link.split("#");
  return path === "" ? page : join(dirname(page), path);
};

function leadsNowhere(file: string, anchor: string | undefined): boolean {
  if (!existsSync(join(root, file))) return true;
  return anchor !== undefined && !anchorsIn(file).includes(anchor);
}

it.each(pages)("the links of %s lead somewhere", (page) => {
  const relative = linksOf(page).filter((link) => !isAbsolute(link));
  expect(relative.filter((link) => leadsNowhere(fileOf(page, link), link.split("#")[1]))).toEqual([]);
});

describe("the repository's address", () => {
  it("is that of package.json's homepage and bugs", () => {
    const { homepage, bugs } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    expect({ homepage, bugs }).toEqual({ homepage: `${repository}#readme`, bugs: `${repository}/issues` });
  });

  it.each([...linkedFiles()])("is in each link of %s", (path, text) => {
    expect(readFileSync(join(root, path), "utf8")).toBe(text);
  });

  it.each(pages)("begins each absolute link of %s to a file of the repository, and the file exists", (page) => {
    const links = linksOf(page).filter(
      (link) => link.startsWith(repository) || /^https?:.*\/connect-lb(\/|$)/.test(link),
    );
    const wrong = links.filter((link) => {
      if (link === repository || link === `${repository}/security/advisories/new`) return false;
      const [, kind, file = "", anchor] =
        /^\/(blob|tree)\/HEAD\/([^#]+)#?(.+)?$/.exec(link.slice(repository.length)) ?? [];
      if (!link.startsWith(`${repository}/`) || leadsNowhere(file, anchor)) return true;
      return statSync(join(root, file)).isDirectory() !== (kind === "tree");
    });
    expect(wrong).toEqual([]);
  });
});

describe("what npm packs", () => {
  const pack = ["pack", "--dry-run", "--json", "--ignore-scripts"];
  const [{ files }] = JSON.parse(execFileSync("npm", pack, { cwd: root, encoding: "utf8", stdio: "pipe" }));
  const packed: readonly string[] = files.map(({ path }: { path: string }) => path);
  const packedPages = pages.filter((page) => packed.includes(page));

  it("has the pages", () => expect(packedPages).toEqual(expect.arrayContaining(["README.md", "docs/retries.md"])));

  it.each(packedPages)("has every file that %s links to; a link to any other file is absolute", (page) => {
    const relative = linksOf(page).filter((link) => !isAbsolute(link));
    expect(relative.filter((link) => !packed.includes(fileOf(page, link)))).toEqual([]);
  });
});
