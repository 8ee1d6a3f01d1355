import { ConnectError } from "@connectrpc/connect";
import { ConfigurationError } from "../errors.ts";
import type { Platform } from "../platform.ts";

/**
 * Before 2.2.0, Connect's errors have no `isWireError`: what a server answered cannot be told from what failed on the
 * way, and is retried although it was executed. The copy that was loaded is tested, and no package.json is read: a bundle
 * has none, and a package manager can be forced past the range.
 *
 * @throws ConfigurationError if an older copy was loaded, or one that lacks a part which calls need.
 */
export function checkPeers({ protocolExports }: Pick<Platform, "protocolExports">): void {
  if (!assignsIsWireError()) {
    throw new ConfigurationError([
      `connect-lb needs @connectrpc/connect 2.2.0 or later, and an older copy was loaded: ${run("^2.2.0")}`,
    ]);
  }
  const exports = protocolExports();
  const missing: string[] = [];
  for (const name in exports) if (exports[name] === undefined) missing.push(name);
  if (missing.length > 0) {
    throw new ConfigurationError([
      `the @connectrpc/connect that was loaded lacks ${missing.join(", ")}: update connect-lb, or ${run("2.2.0")}`,
    ]);
  }
}

function run(range: string): string {
  return `run "npm install @connectrpc/connect@${range}"`;
}

/** Leaves ConnectError's constructor at that assignment: later it makes a `Headers`, for which Node loads undici. */
function assignsIsWireError(): boolean {
  class Probe extends ConnectError {}
  const assigned = Symbol();
  Object.defineProperty(Probe.prototype, "isWireError", {
    set() {
      throw assigned;
    },
  });
  try {
    return Object.hasOwn(new Probe(""), "isWireError");
  } catch (error) {
    if (error !== assigned) throw error;
    return true;
  }
}
