// npm run example:compile-cache: a compile cache that is deployed with its function, and what Node says of it there.
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { startDnsServer } from "../demo/dns-server.ts";
import { endAll } from "../demo/fleet.ts";
import { bundle } from "./bundle.ts";
import { startFunction } from "./function.ts";
import { startUsers } from "./users.ts";

const folder = mkdtempSync(join(tmpdir(), "connect-lb-compile-cache-"));
process.on("exit", () => {
  endAll();
  execFileSync("chmod", ["-R", "u+w", folder]);
  rmSync(folder, { recursive: true });
});

const bundles = await bundle(folder, false);
const users = await startUsers(await startDnsServer(), "cached", 1, bundles.server);

// In the build no server can be called; to the compiler, a call that fails is nearly as good as one that succeeds.
execFileSync("sh", [fileURLToPath(new URL("build-cache.sh", import.meta.url))], {
  cwd: bundles.esm,
  env: { PATH: `${dirname(process.execPath)}:${process.env.PATH}`, CONNECT_LB_TARGET: "static:///127.0.0.1:1" },
  stdio: ["ignore", "ignore", "ignore"],
});

// Deployed: in another place, where nothing can be written.
const taskRoot = `${folder}/var/task`;
mkdirSync(dirname(taskRoot));
renameSync(bundles.esm, taskRoot);
chmodSync(taskRoot, 0o555);

await using lambda = await startFunction({
  name: "cached",
  runtime: bundles.runtime,
  nodeFlags: ["--expose-gc"], // as Lambda starts it
  taskRoot,
  handler: "index.handler",
  timeoutMs: 10_000,
  variables: {
    CONNECT_LB_TARGET: users.target,
    CONNECT_LB_TLS: "false",
    NODE_COMPILE_CACHE: `${taskRoot}/compile-cache`,
    NODE_COMPILE_CACHE_PORTABLE: "1",
    NODE_DEBUG_NATIVE: "COMPILE_CACHE",
  },
});
const { failed, body } = await lambda.invoke({ userId: "42" });
const accepted = lambda.log.includes(`file://${taskRoot}/index.mjs was accepted`);

console.log(`The folder: ${readdirSync(`${taskRoot}/compile-cache`)}`);
console.log(
  `The function answered ${body}, and Node ${accepted ? "accepted its" : "did NOT accept its"} compile cache.`,
);
process.exit(accepted && !failed ? 0 : 1);
