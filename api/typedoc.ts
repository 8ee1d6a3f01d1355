import type { TypeDocOptions } from "typedoc";
import manifest from "../package.json" with { type: "json" };
import { entryPoints } from "./entry-points.ts";

const [main] = entryPoints();

/** `npm run reference`: fails where a public type is not documented, or a type that it needs is not exported. */
const options: Partial<TypeDocOptions> = {
  entryPoints: entryPoints().map((name) => `../src/${name}.ts`),
  tsconfig: "../tsconfig.json",
  out: "../.cache/reference",
  readme: "none",
  // A clone need not have a remote by which Git would know where the sources are.
  disableGit: true,
  gitRevision: "HEAD",
  sourceLinkTemplate: `${manifest.homepage.replace(/#.*/, "")}/blob/{gitRevision}/{path}#L{line}`,
  // `npm run typecheck` has found them.
  skipErrorChecking: true,
  excludeInternal: true,
  validation: { notExported: true, invalidLink: true, invalidPath: true, rewrittenLink: true, notDocumented: true },
  // What tells the members of a union apart: the comment of the member says what it means.
  intentionallyNotDocumented: ["Resolution.__type.kind", "Outcome.__type.kind", "EventBody.__type.type"].map(
    (name) => `${main}.${name}`,
  ),
  treatWarningsAsErrors: true,
};

export default options;
