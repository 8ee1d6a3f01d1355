import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "@connectrpc/connect";
import { describe, expect, onTestFinished, test } from "vitest";
import { createBalancedTransport } from "../../../src/node.ts";
import { EchoService } from "../../support/gen/echo_pb.ts";
import { startEchoServer } from "../../support/servers.ts";

/** So many that GOAWAY meets calls at many points of their way. */
const SHUTDOWNS = 100;

describe.each(["connect", "grpc"] as const)("%s", (protocol) => {
  test.each([0.3, 1, 10])(
    `${SHUTDOWNS} graceful shutdowns, and a call %d ms after each: none fails`,
    async (delayMs) => {
      const uncaught = watchUncaught();
      await using server = await startEchoServer({ httpVersion: "2" });
      const client = clientOf(protocol, server.port);
      for (let round = 0; round < SHUTDOWNS; round++) {
        await client.post({});
        server.drain();
        await pause(delayMs);
        await client.post({});
      }
      expect(server.calls).toBe(2 * SHUTDOWNS);
      expect(uncaught).toEqual([]);
    },
  );

  test("a cold burst over what the server allows: none fails", async () => {
    const uncaught = watchUncaught();
    await using server = await startEchoServer({ httpVersion: "2", maxConcurrentStreams: 2 });
    const client = clientOf(protocol, server.port);
    await Promise.all(Array.from({ length: 100 }, () => client.post({})));
    expect(server.calls).toBe(100);
    expect(uncaught).toEqual([]);
  });
});

function clientOf(protocol: "connect" | "grpc", port: number) {
  const transport = createBalancedTransport({ target: `static:///127.0.0.1:${port}`, tls: false, protocol });
  onTestFinished(() => transport.close());
  return createClient(EchoService, transport);
}

/** What nobody caught, until the end of the test. */
function watchUncaught(): unknown[] {
  const uncaught: unknown[] = [];
  const note = (error: unknown): void => void uncaught.push(error);
  process.on("uncaughtException", note).on("unhandledRejection", note);
  onTestFinished(() => void process.off("uncaughtException", note).off("unhandledRejection", note));
  return uncaught;
}

/** Timers count whole milliseconds. */
async function pause(ms: number): Promise<void> {
  if (ms >= 1) return sleep(ms);
  const end = performance.now() + ms;
  while (performance.now() < end) await new Promise((resolve) => setImmediate(resolve));
}
