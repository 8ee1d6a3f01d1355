import { globSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

// The repository's address: package.json's `repository` is the place to change it, and `npm run generate` writes it
// wherever else it is needed.

export const root = fileURLToPath(new URL("../../", import.meta.url));
const read = (path: string) => readFileSync(root + path, "utf8");
const manifest: { repository: { url: string }; homepage: string } = JSON.parse(read("package.json"));

/** "https://github.com/owner/name" */
export const repository = manifest.repository.url.replace(/^git\+/, "").replace(/\.git$/, "");

/** Pages, by their paths from the root. */
export const pages = globSync(["*.md", "docs/*.md", "examples/**/*.md"], {
  cwd: root,
  exclude: ["node_modules"],
}).sort();

/** package.json and the pages, as they are when every link to the repository has its address. */
export function linkedFiles(): Map<string, string> {
  const before = manifest.homepage.replace(/#.*$/, "");
  const after = (text: string) =>
    text.replaceAll(`"${before}`, `"${repository}`).replaceAll(`](${before}`, `](${repository}`);
  return new Map(["package.json", ...pages].map((path) => [path, after(read(path))]));
}

if (import.meta.main) for (const [path, text] of linkedFiles()) writeFileSync(root + path, text);
