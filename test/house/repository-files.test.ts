import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { parse } from "yaml";

const root = fileURLToPath(new URL("../..", import.meta.url));
const scripts = Object.keys(JSON.parse(readFileSync(`${root}/package.json`, "utf8")).scripts);
const workflows = globSync(".github/workflows/*.yml", { cwd: root });

interface Step {
  readonly run?: string;
  readonly uses?: string;
  readonly with?: Readonly<Record<string, string>>;
}

interface Job {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly steps: readonly Step[];
}

interface Workflow {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

const read = (path: string): Workflow => parse(readFileSync(`${root}/${path}`, "utf8"));
const stepsOf = (workflow: Workflow) => Object.values(workflow.jobs).flatMap(({ steps }) => steps);

test("there is a workflow for changes, and one for releases", () => {
  expect(workflows.map((path) => path.split("/").at(-1)).sort()).toEqual(["ci.yml", "release.yml"]);
});

test.each(workflows)("%s may read only, unless one of its jobs asks for more", (path) => {
  expect(read(path).permissions).toEqual({ contents: "read" });
});

test.each(workflows)("%s runs nothing that the repository does not have", (path) => {
  const commands = stepsOf(read(path)).flatMap((step) => [step.run, step.with?.version, step.with?.publish]);
  const npmScripts = commands.flatMap((command) => [...(command ?? "").matchAll(/npm run ([\w:]+)/g)]);
  for (const [, script] of npmScripts) expect(scripts).toContain(script);
});

test("changes are checked by .ci/run itself, so that a contributor can do the same", () => {
  expect(stepsOf(read(".github/workflows/ci.yml")).map(({ run }) => run)).toContain(".ci/run");
});

test("a release proves where it was built", () => {
  expect(read(".github/workflows/release.yml").jobs.release?.permissions).toMatchObject({ "id-token": "write" });
  expect(JSON.parse(readFileSync(`${root}/package.json`, "utf8")).publishConfig).toEqual({ provenance: true });
});

test.each(globSync(".github/ISSUE_TEMPLATE/*.yml", { cwd: root }))("%s is a form", (path) => {
  const form = parse(readFileSync(`${root}/${path}`, "utf8"));
  if (path.endsWith("config.yml")) expect(form.contact_links[0].url).toContain("/security/");
  else expect(form.body.map((field: { readonly type: string }) => field.type)).toContain("textarea");
});
