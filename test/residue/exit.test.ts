import { execFile } from "node:child_process";
import { createSocket } from "node:dgram";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DemoDnsServer, startDnsServer } from "../../examples/demo/dns-server.ts";
import { type BlackHole, startBlackHole } from "../support/black-hole.ts";
import { type HttpScript, startHttpScript } from "../support/http-script.ts";
import { type EchoServer, startEchoServer } from "../support/servers.ts";
import type { ChildOptions } from "./child.ts";

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "connect-lb-residue-"));
const script = join(folder, "child.mjs");
const runs = 5;

let dns: DemoDnsServer;
let blackHole: BlackHole;
let consul: HttpScript;
let silentConsul: HttpScript;
const deadResolver = createSocket("udp4");
const servers: EchoServer[] = [];

beforeAll(async () => {
  // One file, because seventy processes that load two hundred modules each are most of the time this test takes.
  const entryPoints = [fileURLToPath(new URL("child.ts", import.meta.url))];
  const banner = 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);';
  await build({
    entryPoints,
    outfile: script,
    bundle: true,
    platform: "node",
    format: "esm",
    banner: { js: banner },
    logLevel: "warning",
  });
  dns = await startDnsServer();
  blackHole = await startBlackHole();
  deadResolver.bind(0, "127.0.0.1");
  silentConsul = await startHttpScript(() => {});
  consul = await startHttpScript(({ url = "" }, response) => {
    const Port = servers[url.includes("/v2?") ? 0 : 1]?.port;
    response.end(JSON.stringify([{ Node: {}, Service: { Address: "127.0.0.1", Port }, Checks: [] }]));
  });
  for (const httpVersion of ["2", "1.1"] as const) {
    const server = await startEchoServer({ httpVersion });
    servers.push(server);
    const record = { target: "one.users.test", port: server.port, address: "127.0.0.1" };
    dns.srv(`_grpc._tcp.v${httpVersion.replace(".", "")}.users.test`, [record], 30);
  }
});

afterAll(async () => {
  for (const server of servers) server.kill();
  deadResolver.close();
  blackHole[Symbol.dispose]();
  for (const agent of [consul, silentConsul]) await agent[Symbol.asyncDispose]();
  await dns.close();
  rmSync(folder, { recursive: true });
});

async function child(options: ChildOptions) {
  const { stdout } = await run(process.execPath, [script, JSON.stringify(options)]);
  return JSON.parse(stdout) as { result: string; resources: string[]; lingeredMs: number };
}

describe.each(["2", "1.1"] as const)(
  "after a call over HTTP/%s nothing is left and the process ends",
  (httpVersion) => {
    const named = (resolver: string, name = `v${httpVersion.replace(".", "")}`) =>
      `srv://${resolver}/_grpc._tcp.${name}.users.test`;
    const cases: Record<string, () => Omit<ChildOptions, "httpVersion"> & { result: RegExp }> = {
      success: () => ({ target: named(dns.address), request: {}, result: /^ok$/ }),
      "an error of the server's": () => ({
        target: named(dns.address),
        request: { failCode: 13 },
        result: /told to fail/,
      }),
      abort: () => ({ target: named(dns.address), request: { delayMs: 60_000 }, abortAfterMs: 150, result: /abort/ }),
      deadline: () => ({
        target: named(dns.address),
        request: { delayMs: 60_000 },
        timeoutMs: 150,
        // The server keeps the deadline too, and what it says may come first.
        result: /timed out|the call ended while the handler waited/,
      }),
      "a name that does not exist": () => ({ target: named(dns.address, "no"), request: {}, result: /unavailable/ }),
      "a connect that is not answered": () => ({
        target: `static:///127.0.0.1:${blackHole.port}`,
        request: {},
        timeoutMs: 150,
        result: /timed out/,
      }),
      "a fallback target whose resolver is dead": () => ({
        target: named(dns.address),
        fallbackTarget: named(`127.0.0.1:${deadResolver.address().port}`),
        request: {},
        result: /^ok$/,
      }),
      "a fallback target that serves, because the target's resolver is dead": () => ({
        target: named(`127.0.0.1:${deadResolver.address().port}`),
        fallbackTarget: named(dns.address),
        request: {},
        result: /^ok$/,
      }),
      "a resolver that is dead": () => ({
        target: named(`127.0.0.1:${deadResolver.address().port}`),
        request: {},
        timeoutMs: 150,
        result: /timed out/,
      }),
      "a look-up in Consul over HTTP": () => ({
        target: `consul+http://${consul.address}/v${httpVersion.replace(".", "")}`,
        request: {},
        result: /^ok$/,
      }),
      "a Consul agent that does not answer": () => ({
        target: `consul+http://${silentConsul.address}/users`,
        request: {},
        timeoutMs: 150,
        result: /timed out/,
      }),
    };

    test.each(Object.keys(cases))("%s", async (name) => {
      const { result, ...options } = (cases[name] as NonNullable<(typeof cases)[string]>)();
      const seen = await Promise.all(Array.from({ length: runs }, () => child({ ...options, httpVersion })));
      for (const one of seen) {
        expect(one.result).toMatch(result);
        expect(one.resources).toEqual([]);
      }
      const lingered = seen.map(({ lingeredMs }) => lingeredMs);
      expect(lingered.sort((a, b) => a - b)[(runs - 1) / 2]).toBeLessThan(50);
    });
  },
);
