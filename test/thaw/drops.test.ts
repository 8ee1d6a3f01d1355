import { setTimeout as sleep } from "node:timers/promises";
import { type Client, createClient } from "@connectrpc/connect";
import { describe, expect, test, vi } from "vitest";
import { createBalancedTransport } from "../../src/node.ts";
import { startFaultyRelay } from "../support/faulty-relay.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { startEchoServer } from "../support/servers.ts";

type EchoClient = Client<typeof EchoService>;

describe.concurrent("a connection that is dropped without a word, and no deadline", () => {
  const cases = {
    "a unary call": [25_000, (client: EchoClient) => client.post({ delayMs: 60_000 })],
    "a stream": [
      45_000,
      async (client: EchoClient) => {
        for await (const _ of client.serverStream({ count: 100, intervalMs: 500 }));
      },
    ],
    "a stream in both directions": [
      45_000,
      async (client: EchoClient) => {
        async function* requests() {
          yield { text: "first" };
          await sleep(60_000, undefined, { ref: false });
        }
        for await (const _ of client.bidiStream(requests()));
      },
    ],
    "a half-read body": [45_000, (client: EchoClient) => client.post({ text: "x".repeat(8 * 2 ** 20) })],
  } as const;

  for (const protocol of ["connect", "grpc"] as const) {
    for (const [name, [withinMs, run]] of Object.entries(cases)) {
      test(`${protocol}, ${name} ends in time`, async () => {
        const server = await startEchoServer({ httpVersion: "2" });
        const relay = await startFaultyRelay(server);
        try {
          if (name === "a half-read body") relay.bytesPerMs = 3_000;
          const target = `static:///127.0.0.1:${relay.port}`;
          const transport = createBalancedTransport({ target, tls: false, protocol, retry: false });
          const client = createClient(EchoService, transport);
          await client.get({});
          const running = run(client).then(
            () => "ok",
            (error) => String(error),
          );
          if (name === "a half-read body") await sleep(1_000);
          else await vi.waitFor(() => expect(server.active).toBe(1), 5_000);
          relay.silence();
          const startedAt = performance.now();
          expect(await running).not.toBe("ok");
          expect(performance.now() - startedAt).toBeLessThan(withinMs);
          expect(transport.snapshot().endpoints).toMatchObject([{ inFlight: 0 }]);
        } finally {
          await relay[Symbol.asyncDispose]();
          server.kill();
        }
      });
    }
  }
});
