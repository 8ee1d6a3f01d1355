import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";

const script = fileURLToPath(new URL("import-child.ts", import.meta.url));
const built = (file: string) => fileURLToPath(new URL(`../../dist/${file}`, import.meta.url));
const targets = [
  "static:///127.0.0.1:8080,127.0.0.2:8080",
  "srv:///_grpc._tcp.users.example.com",
  "consul:///users",
  "dns:///users.example.com:8443",
];

async function load(path: string, ...created: string[]) {
  const { stdout } = await promisify(execFile)(process.execPath, [script, path, ...created]);
  return JSON.parse(stdout) as { atImport: string[]; atConstruction: string[] };
}

describe("nothing is read, opened, timed, drawn or printed", () => {
  test.each(["node.js", "node.cjs"])("at the import of dist/%s, or when transports are created", async (file) => {
    // A wrong one of Consul's variables is an error where the transport is created.
    const atConstruction = ["process.env.CONSUL_NAMESPACE", "process.env.CONSUL_PARTITION"];
    expect(await load(built(file), ...targets)).toEqual({ atImport: [], atConstruction });
  });

  test.each(["index.js", "index.cjs"])("at the import of dist/%s", async (file) => {
    expect((await load(built(file))).atImport).toEqual([]);
  });
});

// Each of these would break the promise above, so each has to be seen.
const doings: Record<string, string> = {
  "fs.readFileSync": 'fs.readFileSync("/etc/hostname");',
  "fs.promises.readFile": 'fs.promises.readFile("/etc/hostname");',
  "dgram.createSocket": 'dgram.createSocket("udp4").close();',
  "net.connect": 'net.connect(1, "127.0.0.1").on("error", () => {}).destroy();',
  "http2.connect": 'http2.connect("http://127.0.0.1:1").on("error", () => {});',
  setTimeout: "setTimeout(() => {}, 1);",
  setInterval: "clearInterval(setInterval(() => {}, 1));",
  setImmediate: "setImmediate(() => {});",
  "Math.random": "Math.random();",
  getRandomValues: "crypto.getRandomValues(new Uint8Array(1));",
  "Date.now": "Date.now();",
  "performance.now": "performance.now();",
  "console.error": 'console.error("");',
  "process.stderr.write": 'process.stderr.write("");',
  "process.on": 'process.on("exit", () => {});',
  "process.env.CONNECT_LB_TARGET": "process.env.CONNECT_LB_TARGET;",
  // By a way that no replaced function sees: its kind of resource.
  MESSAGEPORT: "new MessageChannel();",
};

test.each(["mjs", "cjs"])("it would be seen (in a module of the kind %s)", async (kind) => {
  const folder = mkdtempSync(join(tmpdir(), "connect-lb-import-"));
  try {
    const lines = ["fs", "dgram", "net", "http2"].map((name) =>
      kind === "mjs" ? `import ${name} from "node:${name}";` : `const ${name} = require("node:${name}");`,
    );
    const module = join(folder, `naughty.${kind}`);
    writeFileSync(module, [...lines, ...Object.values(doings)].join("\n"));
    expect((await load(module)).atImport).toEqual(expect.arrayContaining(Object.keys(doings)));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
