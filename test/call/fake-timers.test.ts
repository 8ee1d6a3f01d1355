import { mock } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "@connectrpc/connect";
import { afterEach, describe, expect, test, vi } from "vitest";
import { createBalancedTransport } from "../../src/node.ts";
import { a, message } from "../dns/records.ts";
import { startDnsPeer } from "../support/dns-peer.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { startEchoServer } from "../support/servers.ts";

// Users' tests replace the global timers. A call must not wait for a clock that only the test moves.

afterEach(() => {
  vi.useRealTimers();
  mock.timers.reset();
});

const fakes: Readonly<Record<string, () => void>> = {
  "vitest, as by default": () => void vi.useFakeTimers(),
  "vitest, everything but what Node's own streams need": () =>
    void vi.useFakeTimers({
      toFake: [
        "setTimeout",
        "clearTimeout",
        "setInterval",
        "clearInterval",
        "setImmediate",
        "clearImmediate",
        "Date",
        "performance",
      ],
    }),
  "node:test": () => mock.timers.enable({ apis: ["setTimeout", "setInterval", "setImmediate", "Date"] }),
};

describe.each(Object.entries(fakes))("under the fake timers of %s", (_, fake) => {
  test.each([
    ["connect", "2"],
    ["grpc", "2"],
    ["connect", "1.1"],
    ["grpc-web", "1.1"],
  ] as const)("calls of %s over HTTP/%s end, the first and those after a gap", async (protocol, httpVersion) => {
    await using server = await startEchoServer({ httpVersion });
    const transport = createBalancedTransport({
      target: `static:///127.0.0.1:${server.port}`,
      protocol,
      httpVersion,
      tls: false,
      connection: { verifyAfterMs: 1 },
    });
    const client = createClient(EchoService, transport);
    await client.post({});
    await sleep(150);
    fake();
    for (let i = 0; i < 3; i++) await client.post({});
    for (const aheadMs of [200, 5_000, 120_000]) {
      vi.setSystemTime?.(Date.now() + aheadMs);
      await client.post({});
    }
    expect(server.calls).toBe(7);
  });

  test("a transport is made, looks up and calls", async () => {
    await using server = await startEchoServer({ httpVersion: "2" });
    await using dns = await startDnsPeer((query) => [message(query, { answers: [a("users.test", "127.0.0.1")] })]);
    fake();
    const transport = createBalancedTransport({ target: `dns://${dns.address}/users.test:${server.port}`, tls: false });
    const client = createClient(EchoService, transport);
    await client.post({});
    await client.get({}, { timeoutMs: 1_000 });
    expect(server.calls).toBe(2);
  });
});
