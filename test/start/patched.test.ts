import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type * as Dist from "../../src/node.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { buildFirstCall } from "./programs.ts";
import { type FirstServer, startFirstServer } from "./servers.ts";

// The build takes Node's modules by process.getBuiltinModule(): what a replacement of them reaches, as
// docs/troubleshooting.md says.

let server: FirstServer;

beforeAll(async () => {
  server = await startFirstServer();
});
afterAll(() => server?.[Symbol.asyncDispose]());

vi.mock("node:http2", async (importOriginal) => ({
  ...(await importOriginal<object>()),
  connect: () => expect.unreachable("the mock was used"),
}));

test("a mock of vitest's does not reach it", async () => {
  const { connect } = await import("node:http2");
  expect(() => connect("http://127.0.0.1:1")).toThrow("the mock was used");
  const dist: typeof Dist = await import(new URL("../../dist/node.js", import.meta.url).href);
  const transport = dist.createBalancedTransport({ target: server.targets.static, tls: false });
  const { message } = await transport.unary(EchoService.method.get, undefined, undefined, undefined, { text: "a" });
  expect(message).toMatchObject({ text: "a" });
  await transport.close();
});

test.each([
  ["node:net", "connect"],
  ["node:http2", "connect"],
  ["node:dgram", "createSocket"],
])("a patch of the module %s by who required it before does", async (module, name) => {
  const folder = mkdtempSync(join(tmpdir(), "connect-lb-patched-"));
  try {
    // As instrumentation does that hooks into require().
    const preload = join(folder, "preload.cjs");
    writeFileSync(
      preload,
      `const patched = require(${JSON.stringify(module)});
      const { ${name}: original } = patched;
      patched.${name} = function (...args) { console.error("patched"); return original.apply(this, args); };`,
    );
    const file = await buildFirstCall({ kind: "esm", bundled: true });
    const options = { target: server.targets.srv, tls: false };
    const { stderr } = await promisify(execFile)(process.execPath, ["--require", preload, file], {
      env: { FIRST_CALL: JSON.stringify({ options }) },
    });
    expect(stderr).toContain("patched");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
