// Installs what is missing and builds, so that `npm start` and `npm test` work on a fresh checkout. Runs on any Node
// with npm: the project's own tools need Node 24, which the installation brings.
import { execSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";

const run = (command) => execSync(command, { stdio: ["ignore", "inherit", "inherit"] });

const installed = "node_modules/.package-lock.json";
if (!existsSync(installed) || statSync(installed).mtimeMs < statSync("package-lock.json").mtimeMs) {
  // Node 20 warns of every tool's engines; they never run on it. No package needs its scripts, and that of the Lambda
  // runtime client would compile for a minute; package.json says so too, in a way that older npm does not know.
  run("npm ci --ignore-scripts --no-audit --no-fund --loglevel=error");
}
run("npm run --silent build -- --silent");
