import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { BAD_CALLS } from "../call/bad-calls.ts";
import { badEnvironments } from "../config/bad-environments.ts";
import { badOptions } from "../config/bad-options.ts";
import { failures } from "./failures.ts";
import { messagesIn } from "./messages.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const page = readFileSync(`${root}/docs/troubleshooting.md`, "utf8");
const [beforeLog = "", log = ""] = page.split("## The log\n");
/** The section of reasons has names in place of messages. */
const reasons = /### Why it was not retried\n[\s\S]*?(?=\n##)/.exec(beforeLog)?.[0] ?? "";
const tables = beforeLog.replace(reasons, "");
const firstColumns = [...tables.matchAll(/^\| (.*?) \| /gm)].map(([, column]) => column as string);
const rows = firstColumns.flatMap((column) => [...column.matchAll(/`([^`]+)`/g)].map(([, text]) => text as string));
/** What stands in code in the other columns: it explains, and may be a message as well. */
const quoted = [...page.matchAll(/`([^`\n]+)`/g)].map(([, text]) => text as string);

/** "…" stands for anything, "… " at the start for nothing as well: the code puts some messages together. */
function expression(row: string): RegExp {
  const text = row
    .replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")
    .replace(/^… /, "(?:[^]* )?")
    .replaceAll("…", "[^]*");
  return new RegExp(`^${text}$`);
}
const onPage = quoted.filter((text) => /[a-z]{3}/.test(text)).map(expression);
const isOnPage = (message: string) => onPage.some((text) => text.test(message));

/** Between parts of the library: no user ever sees them. */
const INTERNAL = new Set([
  "the result is no longer needed",
  "the stream was cancelled",
  "the request was abandoned",
  "its answer is no longer needed",
  "the probe was cancelled",
  "it has no endpoints",
  "too many PINGs under way",
  "no call waits for this connection",
  "the other copy of the call was answered first",
  // Names are checked where they come in, long before a socket.
  "tls: the name to verify is not a host name",
  // The options' checks come first.
  "gRPC needs HTTP/2: use gRPC-web or Connect",
  "the target … lists no servers",
]);

/** Codes of Node and OpenSSL, of which not every one can be provoked here. */
const SYSTEMS_CODE = /^[A-Z][A-Z0-9_]+$/;

// Those that are put together of other messages say nothing of their own.
const inCode = messagesIn(root).filter(({ text }) => /[a-z]{3}/.test(text) && !INTERNAL.has(text));
const problems = [...badOptions, ...badEnvironments].flatMap(({ message }) => message.split("\n- "));
const known = [...problems.filter((text) => !/^\d+ problems:$/.test(text)), ...BAD_CALLS.map(({ message }) => message)];

describe("docs/troubleshooting.md", () => {
  it.each(inCode.map(({ text, where }) => [text, where]))("has %s (%s)", (text) => {
    expect(isOnPage(text)).toBe(true);
  });

  it("has the messages for wrong options, environments and calls", () => {
    expect(known.filter((message) => !isOnPage(message))).toEqual([]);
  });

  it.each(failures)("has what $name comes to", async ({ provoke }) => {
    for (const message of await provoke()) expect(rows.filter((row) => expression(row).test(message))).not.toEqual([]);
  });

  it("has every event, and no other", () => {
    const types = readFileSync(`${root}/src/telemetry/events.ts`, "utf8").matchAll(/readonly type: "([\w-]+)"/g);
    const named = [...log.matchAll(/^\| `([\w-]+)` \|/gm)].map(([, name]) => name);
    expect(named.sort()).toEqual([...types].map(([, type]) => type).sort());
  });

  it("has every reason why a call is not retried, and no other", () => {
    const known = readFileSync(`${root}/src/resilience/stop-reason.ts`, "utf8").matchAll(/^ {2}\| "([\w-]+)"/gm);
    const named = [...reasons.matchAll(/^\| `([\w-]+)` \| (?!what it means)/gm)].map(([, name]) => name);
    expect(named.sort()).toEqual([...known].map(([, name]) => name).sort());
  });

  it("has no row for a message that no longer exists", async () => {
    const said = [...inCode.map(({ text }) => text), ...known];
    for (const { provoke } of failures) said.push(...(await provoke()));
    const isSaid = (row: string) => said.some((message) => expression(row).test(message));
    expect(rows.filter((row) => !SYSTEMS_CODE.test(row) && !isSaid(row))).toEqual([]);
  });
});
