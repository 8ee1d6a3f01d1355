import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { createBalancedTransport } from "../../src/node.ts";
import { rejection } from "../support/endpoint-client.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { startScriptedServer } from "../support/scripted-server.ts";

// A handler may have done its work when it says when to come back: gRFC A6 lets that delay or forbid a retry, never make one.

const wires = [
  ["connect", "2"],
  ["connect", "1.1"],
  ["grpc", "2"],
  ["grpc-web", "2"],
  ["grpc-web", "1.1"],
] as const;

const words: Readonly<Record<string, string>>[] = [
  { "retry-after": "0" },
  { "retry-after": "1" },
  { "retry-after": new Date(Date.now() + 2_000).toUTCString() },
  { "grpc-retry-pushback-ms": "0" },
  { "grpc-retry-pushback-ms": "1", "retry-after": "0" },
];

describe.each(wires)("%s over HTTP/%s", (protocol, httpVersion) => {
  test.each(words)(
    "a handler that has done its work and answers %j is executed once, whatever the code",
    async (word) => {
      for (const code of [Code.ResourceExhausted, Code.Unavailable, Code.Aborted, Code.Internal]) {
        using one = await startScriptedServer(() => {
          throw new ConnectError("come back", code, word);
        }, httpVersion);
        using two = await startScriptedServer(() => {}, httpVersion);
        const transport = createBalancedTransport({
          target: `static:///127.0.0.1:${one.port},127.0.0.1:${two.port}`,
          // The first server is the one that turns calls away.
          picker: (candidates) => ({ pick: () => candidates[0] as (typeof candidates)[number] }),
          protocol,
          httpVersion,
          tls: false,
        });
        const error = await rejection(createClient(EchoService, transport).post({}));
        expect(error).toMatchObject({ code, rawMessage: "come back" });
        expect([one.calls, two.calls]).toEqual([1, 0]);
      }
    },
  );
});
