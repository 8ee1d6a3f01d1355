import type { Report } from "./report.ts";
import type { Runtime } from "./runtime.ts";

/** What the figures depend on. */
export interface Versions {
  readonly suite: string;
  readonly connectNode: string;
  readonly runtime: Pick<Runtime, "name" | "version">;
}

/** As its makers write it, and the command that has the suite run there. */
const runtimes: Readonly<Record<string, { title: string; option: string }>> = {
  node: { title: "Node", option: "" },
  deno: { title: "Deno", option: " -- --runtime deno" },
  bun: { title: "Bun", option: " -- --runtime bun" },
};

const names: Readonly<Record<string, string>> = {
  bare: "connect-node as it is",
  static: "balanced, `static:`",
  srv: "balanced, `srv:`, one server of two refuses connections",
};

/** RESULTS.md. */
export function resultsOf(reports: ReadonlyMap<string, Report>, { suite, connectNode, runtime }: Versions): string {
  const { title, option } = runtimes[runtime.name]!;
  return [
    "# The official conformance suite",
    "",
    `Written by \`npm run test:conformance${option}\`: connectrpc.com/conformance ${suite}, connect-node ${connectNode}, ${title} ${runtime.version}.`,
    "",
    "| client | cases | pass | fail | fail, where bare connect-node passes |",
    "|---|---|---|---|---|",
    ...[...reports].map(([subject, report]) => {
      const { cases, failed } = report;
      const worse = worseThan(reports.get("bare"), report).length;
      return `| ${names[subject]} | ${cases} | ${cases - failed.size} | ${failed.size} | ${worse} |`;
    }),
    "",
    "What the suite finds wrong, in so many cases (why: [known-failing.txt](known-failing.txt), [known-flaky.txt](known-flaky.txt)):",
    "",
    `| finding |${[...reports.keys()].map((subject) => ` ${subject} |`).join("")}`,
    `|---|${"---|".repeat(reports.size)}`,
    ...findings(reports),
    "",
  ].join("\n");
}

/** Cases that the report says have failed, and that passed with bare connect-node in the same run. */
export function worseThan(bare: Report | undefined, { failed }: Report): string[] {
  return [...failed.keys()].filter((name) => bare?.failed.has(name) === false);
}

function findings(reports: ReadonlyMap<string, Report>): string[] {
  const counts = [...reports.values()].map(({ failed }) => {
    const count = new Map<string, number>();
    for (const finding of failed.values()) count.set(finding, (count.get(finding) ?? 0) + 1);
    return count;
  });
  const all = [...new Set(counts.flatMap((count) => [...count.keys()]))].sort();
  return all.map((finding) => `| ${finding} |${counts.map((count) => ` ${count.get(finding) ?? 0} |`).join("")}`);
}
