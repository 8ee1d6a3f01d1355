import { Code } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { createBalancedTransport } from "../../src/node.ts";
import { startBlackHole } from "../support/black-hole.ts";
import { rejection } from "../support/endpoint-client.ts";

test("a warm-up that reaches nobody fails as a call would", async () => {
  using hole = await startBlackHole();
  const refused = createBalancedTransport({ target: "static:///127.0.0.1:1", tls: false });
  const silent = createBalancedTransport({
    target: `static:///127.0.0.1:${hole.port}`,
    tls: false,
    connectTimeoutMs: 50,
  });
  for (const [transport, code] of [[refused, "ECONNREFUSED"] as const, [silent, "ETIMEDOUT"] as const]) {
    expect(await rejection(transport.warmUp())).toMatchObject({
      code: Code.Unavailable,
      rawMessage: `could not connect to a server: ${code}`,
    });
  }
});

test("what refresh() found, snapshot() shows", async () => {
  const transport = createBalancedTransport({ target: "static:///127.0.0.1:1", tls: false });
  expect(transport.snapshot().endpoints).toEqual([]);
  await transport.refresh();
  expect(transport.snapshot().endpoints.map(({ address }) => address)).toEqual(["127.0.0.1:1"]);
});
