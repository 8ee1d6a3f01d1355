import { execFile } from "node:child_process";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createSecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startDnsServer } from "../../examples/demo/dns-server.ts";
import { UserService } from "../../examples/quickstart/gen/users_pb.ts";
import { createTestAuthority } from "../support/certificates.ts";
import { documentationSnippets } from "./snippets.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = fileURLToPath(new URL("../../docs/snippets.out/", import.meta.url));
const snippets = documentationSnippets(root);
const cleanUps: (() => unknown)[] = [];
let environment: NodeJS.ProcessEnv = {};

/** The file of a snippet, where "connect-lb" is this package, as a user would have it, but with its targets' names on a DNS server of the test's. */
const fileOf = (where: string) => `${folder}${where.replace(/[/:]/g, "-")}.ts`;

beforeAll(async () => {
  const authority = await createTestAuthority();
  const certificate = await authority.server({ dns: ["users.example.com"] });
  const server = createSecureServer(
    certificate,
    connectNodeAdapter({
      routes: ({ service }) => service(UserService, { getUser: ({ userId }) => ({ userId, name: "Ada" }) }),
    }),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const dns = await startDnsServer();
  const { port } = server.address() as AddressInfo;
  dns.srv("_grpc._tcp.users.example.com", [{ target: "a.users.example.com", port, address: "127.0.0.1" }], 30);
  cleanUps.push(
    () => server.close(),
    () => dns.close(),
    () => rmSync(folder, { recursive: true }),
  );

  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  cpSync(`${root}/examples/quickstart/gen`, `${folder}gen`, { recursive: true });
  for (const { where, code } of snippets) {
    const local = code.replace(/(srv|consul|dns):\/\/\//g, `$1://${dns.address}/`).replaceAll('_pb.js"', '_pb.ts"');
    writeFileSync(fileOf(where), `${local}\nexport {};\n`);
  }
  writeFileSync(`${folder}tsconfig.json`, '{ "extends": "../../tsconfig.json", "include": ["**/*"] }');
  writeFileSync(`${folder}ca.pem`, authority.ca);
  environment = {
    ...process.env,
    NODE_EXTRA_CA_CERTS: `${folder}ca.pem`,
    CONNECT_LB_TARGET: `srv://${dns.address}/_grpc._tcp.users.example.com`,
  };
});

afterAll(async () => {
  for (const cleanUp of cleanUps) await cleanUp();
});

const run = async (...args: string[]) =>
  (await promisify(execFile)(process.execPath, args, { cwd: root, env: environment })).stdout;

describe("the documentation's snippets", () => {
  it("exist", () => expect(snippets.length).toBeGreaterThanOrEqual(3));

  it("are well typed against the built package", { timeout: 30_000 }, async () => {
    await expect(run("node_modules/typescript/bin/tsc", "--noEmit", "-p", folder)).resolves.toBe("");
  });

  it.each(snippets.filter(({ isFile }) => !isFile))("$where runs", async ({ where, code }) => {
    const output = await run(fileURLToPath(new URL("run-snippet.ts", import.meta.url)), fileOf(where));
    if (code.includes("export const handler")) expect(output).toContain('"name":"Ada"');
    // What a snippet says that it prints.
    for (const [, promised] of code.matchAll(/console\.log\(.*\); \/\/ (?:(?=\[)|prints )(.*)$/gm)) {
      expect(output).toContain(promised);
    }
  });
});
