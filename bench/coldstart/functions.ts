import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** A bundled function: a folder with a module `index`. */
export interface BuiltFunction {
  readonly subject: Subject;
  /** What its modules were written as, or compiled to, before they were bundled. */
  readonly source: Source;
  readonly taskRoot: string;
}

export type Subject = "bare" | "balanced" | "warm";
export type Source = "import" | "require";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const options = { bundle: true, platform: "node", target: "node22", logLevel: "error" } as const;

/** @param folder inside the repository, where the packages are found. */
export async function buildFunction(subject: Subject, source: Source, folder: string): Promise<BuiltFunction> {
  const taskRoot = `${folder}${subject}-${source}`;
  const entry = path(`functions/${subject}.ts`);
  const outfile = `${taskRoot}/index.${source === "import" ? "mjs" : "cjs"}`;
  mkdirSync(taskRoot, { recursive: true });
  if (source === "import") {
    await build({ ...options, entryPoints: [entry], outfile, format: "esm", minify: true });
  } else {
    // As tsc with `"module": "commonjs"` leaves it to the bundler: each import is a require().
    const compiled = `${taskRoot}/compiled.cjs`;
    await build({ ...options, entryPoints: [entry], outfile: compiled, format: "cjs", packages: "external" });
    await build({ ...options, entryPoints: [compiled], outfile, format: "cjs", minify: true });
  }
  return { subject, source, taskRoot };
}
