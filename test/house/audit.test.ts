import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { createGunzip } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";

const ADVISORIES = "/-/npm/v1/security/advisories/bulk";

/** A registry on loopback that knows one advisory, of cockatiel; `severity` undefined: it keeps none. */
async function startRegistry(severity: string | undefined) {
  const asked: Record<string, string[]>[] = [];
  const server = createServer(async (request, response) => {
    const answer = (status: number, body: unknown) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(body));
    };
    if (request.url === "/cockatiel") return answer(200, { name: "cockatiel", versions: { "4.0.0": {} } });
    if (request.url !== ADVISORIES || severity === undefined) return answer(405, {});
    const gzipped = request.headers["content-encoding"] === "gzip";
    const versions = (await json(gzipped ? request.pipe(createGunzip()) : request)) as Record<string, string[]>;
    asked.push(versions);
    const advisory = { id: 1, severity, title: "it breaks", url: "https://example.com/1", vulnerable_versions: "<99" };
    answer(200, versions.cockatiel === undefined ? {} : { cockatiel: [advisory] });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, asked };
}

function audit(registry: string): Promise<{ code: unknown; out: string; err: string }> {
  const cache = mkdtempSync(join(tmpdir(), "connect-lb-npm-"));
  onTestFinished(() => rmSync(cache, { recursive: true }));
  const env = { ...process.env, npm_config_registry: registry, npm_config_cache: cache };
  return new Promise((resolve) =>
    execFile(process.execPath, [".ci/audit.mjs"], { env }, (error, out, err) =>
      resolve({ code: error?.code ?? 0, out, err }),
    ),
  );
}

test("an advisory of a package that is part of the build fails, and is shown", async () => {
  const { url, asked } = await startRegistry("high");
  const { code, out, err } = await audit(url);
  expect(code).toBe(1);
  expect(out).toContain("parts of the build: 1 with an advisory of high severity");
  expect(err).toContain("high: cockatiel <99: it breaks, https://example.com/1");
  const { components } = JSON.parse(readFileSync("dist/sbom.cdx.json", "utf8"));
  expect(Object.keys(asked.at(-1) ?? {})).toHaveLength(components.length);
  expect(asked.at(-2)).toHaveProperty("@connectrpc/connect");
}, 30_000);

test("one of less severity does not", async () => {
  const { url } = await startRegistry("moderate");
  expect(await audit(url)).toMatchObject({ code: 0, err: "" });
}, 30_000);

test.each([
  ["keeps no advisories", async () => (await startRegistry(undefined)).url, "(405)"],
  ["does not answer", async () => "http://127.0.0.1:1/", "(ECONNREFUSED)"],
])(
  "a registry that %s is no failure, and the output says that nothing was audited",
  async (_, start, reason) => {
    const { code, out } = await audit(await start());
    expect(code).toBe(0);
    expect(out).toContain(`parts of the build: NOT audited, the registry gives no advisories ${reason}`);
  },
  30_000,
);
