import { ConnectError } from "@connectrpc/connect";
import { ConfigurationError } from "../errors.ts";
import type { Platform } from "../platform.ts";

const UPDATE = 'run "npm install @connectrpc/connect@^2.2.0 @connectrpc/connect-node@^2.2.0"';

/**
 * Before 2.2.0, Connect's errors have no `isWireError`: what a server answered cannot be told from what failed on the
 * way, and is retried although it was executed. The copies that were loaded are tested, and no package.json is read:
 * there may be two copies, and a bundle has no such files.
 *
 * @throws ConfigurationError if an older copy was loaded, here or for the transports of endpoints.
 */
export function checkPeers({ sampleError }: Pick<Platform, "sampleError">): void {
  if (!assignsIsWireError()) {
    throw new ConfigurationError([
      `connect-lb needs @connectrpc/connect 2.2.0 or later, and an older copy was loaded: ${UPDATE}`,
    ]);
  }
  const error = sampleError();
  if (error instanceof ConnectError && !("isWireError" in error)) {
    throw new ConfigurationError([
      `connect-lb needs @connectrpc/connect 2.2.0 or later, and @connectrpc/connect-node loaded an older copy: ${UPDATE}`,
    ]);
  }
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
