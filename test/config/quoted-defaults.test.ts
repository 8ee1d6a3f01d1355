import { expect, test } from "vitest";
import { defaults } from "../../src/config/defaults.ts";
import { committedFile, durationOf } from "./documentation.ts";

// docs/configuration.md is written from the defaults. Other pages name some of them in their sentences.

const { connectTimeoutMs, dns, connection } = defaults;
const [minTtl, maxTtl] = [durationOf(dns.minTtlMs), durationOf(dns.maxTtlMs)];
const idle = durationOf(connection.idleMs["2"]);

test.each([
  ["from-connect-node.md", `| \`httpVersion\` | the same; default \`"${defaults.httpVersion}"\` |`],
  ["from-connect-node.md", `**A connection is used for ${idle} after its last call** (HTTP/2)`],
  ["from-connect-node.md", `**A call waits ${durationOf(connectTimeoutMs)} for a connection** (\`connectTimeoutMs\`)`],
  ["from-grpc-js.md", `the default, \`"${defaults.picker}"\``],
  ["from-grpc-js.md", `after ${idle} without a call, the next call makes a new one`],
  ["lambda.md", `unused for ${idle}: replaced. Unused for ${durationOf(connection.verifyAfterMs)}: verified by a PING`],
  ["lambda.md", `a call waits ${durationOf(connectTimeoutMs)} for a connection (\`CONNECT_LB_CONNECT_TIMEOUT\`)`],
  ["targets.md", `Consul's default TTL of 0 is raised to ${minTtl}`],
  ["targets.md", `an answer is used for \`dns.minTtlMs\`, ${minTtl}`],
  ["targets.md", `TTLs are raised to ${minTtl} and cut to ${maxTtl} (\`dns.minTtlMs\`, \`dns.maxTtlMs\`)`],
  ["targets.md", `over ${durationOf(dns.maxStaleMs)} (\`dns.maxStaleMs\`)`],
  ["troubleshooting.md", `after its TTL, between ${minTtl} and ${maxTtl}`],
  ["DECISIONS.md", `TTLs below ${minTtl} are raised`],
  ["DECISIONS.md", `after ${idle} of idleness a new connection is made`],
])("docs/%s: %s", (page, passage) => {
  expect(committedFile(`docs/${page}`)).toContain(passage);
});
