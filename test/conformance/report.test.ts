import { expect, test } from "vitest";
import { readReport } from "./report.ts";
import { resultsOf, worseThan } from "./results.ts";

/** As the runner of v1.0.7 prints it. */
const output = [
  "FAILED: Basic/TLS:false/unary:",
  "\texpecting 1 response messages but instead got 0",
  '\tactual response headers missing "x-custom-header"',
  "FAILED: Errors/TLS:false/unary was expected to fail but did not",
  "INFO: Timeouts/TLS:false/(grpc server impl)/unary failed (as expected):",
  "\tactual error {code: 1 (canceled)} does not match expected code 4 (deadline_exceeded)",
  "",
  "",
  "Total cases: 5",
  "2 passed, 2 failed",
  "(Another 1 failed as expected due to being known failures/flakes.)",
  "",
].join("\n");

test("what the runner prints is read: failures, those that were expected, and those that were and are none", () => {
  const report = readReport(output);
  expect([...report.failed]).toEqual([
    [
      "Basic/TLS:false/unary",
      'expecting 1 response messages but instead got 0; actual response headers missing "x-custom-header"',
    ],
    [
      "Timeouts/TLS:false/(grpc server impl)/unary",
      "actual error {code: 1 (canceled)} does not match expected code 4 (deadline_exceeded)",
    ],
  ]);
  expect(report.unexpected).toEqual(["Basic/TLS:false/unary"]);
  expect(report.fixed).toEqual(["Errors/TLS:false/unary"]);
  expect(report).toMatchObject({ cases: 5, complete: true });
});

test.each([
  ["a runner that died", ""],
  ["a client that died", `${output}Another 3 could not be run due to client timing out or exiting prematurely.\n`],
])("%s is no complete run", (_, printed) => {
  expect(readReport(printed).complete).toBe(false);
});

test("a case that both fail is no worse, one that only the other passes is", () => {
  const bare = readReport("FAILED: A/b:\n\tx\nTotal cases: 3\n2 passed, 1 failed\n");
  const balanced = readReport("FAILED: A/b:\n\tx\nFAILED: A/c:\n\ty\nTotal cases: 3\n1 passed, 2 failed\n");
  expect(worseThan(bare, balanced)).toEqual(["A/c"]);
  expect(worseThan(balanced, bare)).toEqual([]);
  const versions = { suite: "v1", connectNode: "2", runtime: { name: "deno", version: "2.9.5" } };
  const results = resultsOf(
    new Map([
      ["bare", bare],
      ["srv", balanced],
    ]),
    versions,
  );
  expect(results).toContain(
    "`npm run test:conformance -- --runtime deno`: connectrpc.com/conformance v1, connect-node 2, Deno 2.9.5.",
  );
  expect(results).toContain("| connect-node as it is | 3 | 2 | 1 | 0 |");
  expect(results).toContain("| x | 1 | 1 |\n| y | 0 | 1 |");
});
