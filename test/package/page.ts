import { readFileSync } from "node:fs";

/** What a page tells its reader to do: write a file, or run a command. */
export type Step =
  | { readonly file: string; readonly text: string }
  | { readonly command: string /** What the page shows below it. */; readonly output: string | undefined };

/**
 * The steps of a page, from its blocks of code. One whose first line is a comment with a file's name is that file; a `sh`
 * block is a command, and a `text` block below it what that prints.
 */
export function stepsOf(path: string): Step[] {
  const steps: Step[] = [];
  for (const [, language, text = ""] of readFileSync(path, "utf8").matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)) {
    const [, file] = /^(?:\/\/|#) ([\w.-]+\.\w+)\n/.exec(text) ?? [];
    const before = steps.at(-1);
    if (file !== undefined) steps.push({ file, text });
    else if (language === "sh") steps.push({ command: text.trim(), output: undefined });
    else if (language === "text" && before !== undefined && "command" in before) {
      steps[steps.length - 1] = { ...before, output: text };
    }
  }
  return steps;
}
