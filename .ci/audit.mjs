// npm run audit: asks the registry for advisories of high severity or more. Of the package's dependencies, and of what
// `npm audit` does not see there: its peers, which count as ours in development, and the packages that are part of the
// build (dist/sbom.cdx.json). A registry that keeps no advisories, or does not answer, is no reason to fail: the output
// says that nothing was audited.
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const json = (path) => JSON.parse(readFileSync(join(root, path), "utf8"));
const SEVERE = new Set(["high", "critical"]);
const LIMIT_MS = 60_000;

const peers = Object.keys(json("package.json").peerDependencies).map((name) => [
  name,
  json(`node_modules/${name}/package.json`).version,
]);
const parts = json("dist/sbom.cdx.json").components.map(({ group, name, version }) => [
  [group, name].filter(Boolean).join("/"),
  version,
]);

const results = [
  await audit("dependencies", root),
  ...(await inFolderOf(peers, (folder) => audit("peers", folder))),
  ...(await inFolderOf(parts, (folder) => audit("parts of the build", folder))),
];
process.exit(results.every(Boolean) ? 0 : 1);

/** Whether nothing severe is known of the packages in a folder's lock file. */
async function audit(what, folder) {
  const report = await ask(folder);
  if (report.vulnerabilities === undefined) {
    const { message, statusCode, error } = report;
    if (message === undefined) {
      console.error(`${what}: npm audit failed: ${error?.code} ${error?.summary}`);
      return false;
    }
    const [code] = /\bE[A-Z_]{4,}\b/.exec(message) ?? [];
    console.log(`${what}: NOT audited, the registry gives no advisories (${statusCode ?? code ?? message})`);
    return true;
  }
  const found = Object.values(report.vulnerabilities).filter(({ severity }) => SEVERE.has(severity));
  console.log(`${what}: ${found.length} with an advisory of high severity`);
  for (const { name, severity, via } of found) {
    for (const { title, url, range } of via.filter((one) => typeof one === "object")) {
      console.error(`  ${severity}: ${name} ${range}: ${title}, ${url}`);
    }
  }
  return found.length === 0;
}

function ask(folder) {
  return new Promise((resolve) => {
    const options = { cwd: folder, timeout: LIMIT_MS, maxBuffer: 2 ** 26 };
    execFile("npm", ["audit", "--omit=dev", "--json", "--fetch-retries=1"], options, (error, stdout) => {
      if (error?.killed) resolve({ message: `no answer in ${LIMIT_MS / 1_000} s` });
      else resolve(JSON.parse(stdout));
    });
  });
}

/** Runs something in a folder whose lock file has just these packages, in these versions. */
async function inFolderOf(versions, run) {
  if (versions.length === 0) return [];
  const manifest = { name: "audited", version: "0.0.0", dependencies: Object.fromEntries(versions) };
  const packages = Object.fromEntries(versions.map(([name, version]) => [`node_modules/${name}`, { version }]));
  const lock = { ...manifest, lockfileVersion: 3, packages: { "": manifest, ...packages } };
  const folder = mkdtempSync(join(tmpdir(), "connect-lb-audit-"));
  try {
    writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
    writeFileSync(join(folder, "package-lock.json"), JSON.stringify(lock));
    return [await run(folder)];
  } finally {
    rmSync(folder, { recursive: true });
  }
}
