import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Code } from "@connectrpc/connect";
import { codeToString } from "@connectrpc/connect/protocol-connect";
import type { OptionDefinition } from "../../src/config/option-definition.ts";
import { optionTable, variableOf } from "../../src/config/option-table.ts";
import type { ValueType } from "../../src/config/value-types.ts";

// What is generated from the option table: docs/configuration.md, and the doc comments of the options' types.

const root = fileURLToPath(new URL("../../", import.meta.url));
const interfaces: Readonly<Record<string, string>> = {
  "": "BalancedTransportOptions",
  tls: "TlsOptions",
  connect: "ConnectOptions",
  retry: "RetryOptions",
  breaker: "BreakerOptions",
  dns: "DnsOptions",
  connection: "ConnectionOptions",
};
const typeFiles = ["src/config/options.ts", "src/net/tls-options.ts", "src/net/connect-options.ts"];
const page = "docs/configuration.md";

/** The files as they should be, by path. */
export function generatedFiles(): Map<string, string> {
  const files = new Map([[page, configurationPage()]]);
  for (const file of typeFiles) files.set(file, withDocComments(readFileSync(root + file, "utf8")));
  return files;
}

/** The files as they are. */
export function committedFile(path: string): string {
  return readFileSync(root + path, "utf8");
}

function withDocComments(source: string): string {
  return optionTable().reduce((text, definition) => {
    const [group, member] = definition.path.includes(".")
      ? (definition.path.split(".") as [string, string])
      : ["", definition.path];
    const block = new RegExp(
      `(export interface ${interfaces[group]} \\{[\\s\\S]*?\\n)(?:  /\\*\\*(?:(?!\\*/)[\\s\\S])*\\*/\\n)?(  ${member}\\?: )`,
    );
    return text.replace(
      block,
      (_all, before: string, property: string) => `${before}${comment(documentationOf(definition))}${property}`,
    );
  }, source);
}

function documentationOf(definition: OptionDefinition): string {
  const text = defaultOf(definition);
  return text === undefined ? definition.doc : `${definition.doc} Default: ${text}.`;
}

/** The default of an option in words: "5 min", "none", `"p2c"`; undefined for a group. */
export function defaultOf(definition: OptionDefinition): string | undefined {
  if (!("default" in definition)) return undefined;
  const show = (value: unknown) => shown(value, definition.type.unit);
  return typeof definition.default === "function" ? definition.default(show) : show(definition.default);
}

function shown(value: unknown, unit: ValueType["unit"]): string {
  if (value === undefined || value === "" || value === Number.POSITIVE_INFINITY) return "none";
  if (Array.isArray(value)) return value.map((code: Code) => codeToString(code)).join(", ");
  if (unit === "bytes") return `${value} bytes`;
  return unit === "ms" ? durationOf(Number(value)) : JSON.stringify(value);
}

const DURATIONS = [
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
] as const;

/** "5 s", "100 ms". */
export function durationOf(ms: number): string {
  const [unit, unitMs] = DURATIONS.find(([, unitMs]) => ms > 0 && ms % unitMs === 0) ?? ["ms", 1];
  return `${ms / unitMs} ${unit}`;
}

/** A doc comment of at most 120 columns. */
function comment(doc: string): string {
  const line = `  /** ${doc} */\n`;
  if (line.length <= 121) return line;
  const lines = [""];
  for (const word of doc.split(" ")) {
    if (`   * ${lines.at(-1)} ${word}`.length > 120) lines.push("");
    lines[lines.length - 1] = `${lines.at(-1)} ${word}`.trim();
  }
  return `  /**\n${lines.map((text) => `   * ${text}\n`).join("")}   */\n`;
}

function configurationPage(): string {
  return `# Configuration

<!-- Written by \`npm run generate\` from the option table (src/config/option-table.ts). -->

An option can be set in code, in the target's query, or by an environment variable. Where several of them set it, code wins over the target's query, and the query over the environment. An option that nothing sets has its default.

\`\`\`ts
import { balancedTransportFromEnv, createBalancedTransport } from "connect-lb";

createBalancedTransport({ target: "srv:///_grpc._tcp.users.example.com", retry: { maxAttempts: 2 } });
createBalancedTransport({ target: "srv:///_grpc._tcp.users.example.com?max-attempts=2" });

const env = {
  CONNECT_LB_TARGET: "srv:///_grpc._tcp.users.example.com",
  CONNECT_LB_MAX_ATTEMPTS: "2",
  CONNECT_LB_ORDERS_TARGET: "srv:///_grpc._tcp.orders.example.com",
};
balancedTransportFromEnv({ env });
balancedTransportFromEnv("orders", { env, defaultTimeoutMs: 2_000 });
\`\`\`

\`balancedTransportFromEnv()\` reads \`process.env\` when it is called, or the variables in its option \`env\`. Its other options are those of \`createBalancedTransport\`, for instance interceptors, which no variable can set.

- **Names.** \`CONNECT_LB_TARGET\` and \`CONNECT_LB_<OPTION>\` are the variables of the transport without a name, \`CONNECT_LB_<NAME>_TARGET\` and \`CONNECT_LB_<NAME>_<OPTION>\` those of \`balancedTransportFromEnv("<name>")\`. A hyphen in a name is an underscore in the variable. A name must not be the first word of an option, such as \`dns\`.
- **Falling back.** An option that is not set for a named transport is taken from the variables of the one without a name. This does not hold for the target, the fallback target and the client certificate with its key: a forgotten \`CONNECT_LB_ORDERS_TARGET\` is an error, not a call to another service.
- **Durations** have a unit: \`500ms\`, \`1.5s\`, \`2m\`, \`1h\`. A bare number is an error. In code they are numbers of milliseconds.
- **Booleans** are \`true\`, \`false\`, \`1\` or \`0\`.
- **Lists** are separated by commas. Codes have the names of Connect or gRPC: \`unavailable,RESOURCE_EXHAUSTED\`.
- **Groups.** \`false\` switches \`tls\`, \`retry\` or \`breaker\` off. The group is on again if one of its options is set where it wins: with \`CONNECT_LB_RETRY=false\` and \`?max-attempts=2\` in the target, calls are retried.
- **Certificates and keys** are PEM text, or \`file:\` and a path. A file is read at the first connection, and again [when it changes](targets.md#certificates-that-are-replaced). A target cannot contain certificates or keys.
- **Empty variables** count as not set.
- **Unknown variables.** A variable that begins with \`CONNECT_LB_\` and belongs to no transport is an error, which suggests the right name. \`CONNECT_LB_ORDERS_TIMEOUT\` belongs to the transport \`orders\` if \`CONNECT_LB_ORDERS_TARGET\` is set, or if the process has made \`orders\` before, with a \`target\` in code. The variables that Kubernetes sets for Services named \`connect-lb\` and \`connect-lb-…\` are ignored (\`…_SERVICE_HOST\`, \`…_SERVICE_PORT\`, \`…_PORT\`, \`…_PORT_80_TCP\`).

Problems are reported together, in one \`ConfigurationError\`.

An empty cell in the table means that the option cannot be set there.

| in code | in the target's query | environment variable | meaning |
| --- | --- | --- | --- |
| \`target\` |  | \`CONNECT_LB_TARGET\` | [Where the servers are listed](targets.md). |
${optionTable().map(tableRow).join("\n")}
`;
}

function tableRow(definition: OptionDefinition): string {
  const { path, name, secret, notInTarget } = definition;
  const key = name === undefined || secret || notInTarget ? "" : `\`${name}\``;
  const variable = name === undefined ? "" : `\`${variableOf(name)}\``;
  return `| \`${path}\` | ${key} | ${variable} | ${documentationOf(definition).replaceAll("|", "\\|")} |`;
}

if (import.meta.main) for (const [path, text] of generatedFiles()) writeFileSync(root + path, text);
