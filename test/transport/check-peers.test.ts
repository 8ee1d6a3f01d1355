import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { checkPeers } from "../../src/transport/check-peers.ts";

// Real older copies are installed by test/package/peers.test.ts.

/** What an error of Connect 2.0 and 2.1 has. */
class OldConnectError extends Error {
  override readonly name = "ConnectError";
  readonly code = Code.Internal;
  readonly rawMessage = "";
  readonly metadata = new Headers();
  readonly details = [];
  override readonly cause = undefined;
}

const options = { target: "static:///127.0.0.1:1" };
const env = { CONNECT_LB_TARGET: options.target };
const UPDATE = 'run "npm install @connectrpc/connect@^2.2.0"';

/** The entry point, over mocked peers; the error is of its own copy of the class. */
async function creations() {
  const { balancedTransportFromEnv, ConfigurationError, createBalancedTransport } = await import("../../src/node.ts");
  const thrown = (create: () => unknown) => {
    try {
      create();
    } catch (error) {
      return error instanceof ConfigurationError ? error.problems : error;
    }
    return undefined;
  };
  return [thrown(() => createBalancedTransport(options)), thrown(() => balancedTransportFromEnv({ env }))];
}

describe("a transport is created", () => {
  beforeEach(() => void vi.resetModules());
  afterEach(() => {
    vi.doUnmock("@connectrpc/connect");
    vi.doUnmock("@connectrpc/connect/protocol-connect");
  });

  it("over peers of our range", async () => {
    expect(await creations()).toEqual([undefined, undefined]);
  });

  it("over a copy of Connect whose errors declare the field, rather than assign it", async () => {
    class NewConnectError extends OldConnectError {
      isWireError = false;
    }
    vi.doMock("@connectrpc/connect", async (original) => ({
      ...(await original<object>()),
      ConnectError: NewConnectError,
    }));
    expect(await creations()).toEqual([undefined, undefined]);
  });

  it("never over an older copy of Connect", async () => {
    vi.doMock("@connectrpc/connect", async (original) => ({
      ...(await original<object>()),
      ConnectError: OldConnectError,
    }));
    const problems = [`connect-lb needs @connectrpc/connect 2.2.0 or later, and an older copy was loaded: ${UPDATE}`];
    expect(await creations()).toEqual([problems, problems]);
  });

  it("never over a copy that lacks what calls need", async () => {
    vi.doMock("@connectrpc/connect/protocol-connect", async (original) => ({
      ...(await original<object>()),
      createTransport: undefined,
    }));
    const problems = [
      expect.stringMatching(
        /^the @connectrpc\/connect that was loaded lacks createTransport of protocol-connect: update connect-lb, or run "npm/,
      ),
    ];
    expect(await creations()).toEqual([problems, problems]);
  });
});

describe("the check", () => {
  afterEach(() => void vi.unstubAllGlobals());

  it("makes no Headers, for which Node would load undici", () => {
    const Headers = vi.fn();
    vi.stubGlobal("Headers", Headers);
    checkPeers({ protocolExports: () => ({}) });
    expect(Headers).not.toHaveBeenCalled();
  });
});
