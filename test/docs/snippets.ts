import { globSync, readFileSync } from "node:fs";

/** A block of TypeScript in the documentation. */
export interface Snippet {
  /** "README.md:12", the line the block starts at. */
  readonly where: string;
  readonly code: string;
  /** It begins with its file's name: a program that needs the others of its page (test/package/getting-started.test.ts). */
  readonly isFile: boolean;
}

export function documentationSnippets(root: string): Snippet[] {
  const files = globSync(["README.md", "docs/*.md", "examples/*/README.md"], { cwd: root }).sort();
  return files.flatMap((file) => {
    const text = readFileSync(`${root}/${file}`, "utf8");
    return [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => ({
      where: `${file}:${text.slice(0, match.index).split("\n").length}`,
      code: match[1] as string,
      isFile: /^\/\/ [\w.-]+\.ts\n/.test(match[1] as string),
    }));
  });
}
