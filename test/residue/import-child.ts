// Imports a module, creates transports with it, and prints what either did.
import { writeSync } from "node:fs";
import { createRequire } from "node:module";
// What the module imports is loaded before, so that only its own doings are seen.
import "@bufbuild/protobuf";
import "@connectrpc/connect";
import type * as connectLb from "../../src/node.ts";
import { watch } from "./watch.ts";

const require = createRequire(import.meta.url);
const [path = "", ...targets] = process.argv.slice(2);
if (path.endsWith(".cjs")) require("@connectrpc/connect");

const watched = watch();
const loaded = (path.endsWith(".cjs") ? require(path) : await import(path)) as typeof connectLb;
const atImport = watched.seen();
for (const target of targets) {
  loaded.createBalancedTransport({ target });
  loaded.balancedTransportFromEnv("orders", { env: { CONNECT_LB_ORDERS_TARGET: target } });
}
const atConstruction = watched.seen();
// Synchronously, and only now: an output stream would be one of the things seen.
writeSync(1, JSON.stringify({ atImport, atConstruction }));
