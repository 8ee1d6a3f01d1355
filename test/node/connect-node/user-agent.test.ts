import type { HandlerContext } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { USER_AGENT } from "../../../src/node/unary/user-agent.ts";
import { endpointClient } from "../../support/endpoint-client.ts";
import { startScriptedServer, startScriptedStreams } from "../../support/scripted-server.ts";

// What connect-node does names us, as our own path of unary calls does (test/node/unary/calls.test.ts).

const seen: (string | null)[][] = [];
const names = ["user-agent", "x-user-agent"];
const see = ({ requestHeader }: HandlerContext) => void seen.push(names.map((name) => requestHeader.get(name)));

test.each([
  ["connect", "1.1"],
  ["grpc-web", "1.1"],
  ["grpc-web", "2"],
] as const)(
  "unary calls of %s over HTTP/%s say who calls, and a caller's own name stands",
  async (protocol, version) => {
    using server = await startScriptedServer((_, context) => see(context), version);
    const { client } = endpointClient({ port: server.port, protocol, httpVersion: version });
    await client.post({});
    await client.post({}, { headers: { "User-Agent": "a/1" } });
    const xUserAgent = (name: string) => (protocol === "grpc-web" ? name : null);
    expect(seen.splice(0)).toEqual([
      [USER_AGENT, xUserAgent(USER_AGENT)],
      ["a/1", xUserAgent("a/1")],
    ]);
  },
);

test("a name that only gRPC-web knows stands, too", async () => {
  using server = await startScriptedServer((_, context) => see(context), "2");
  const { client } = endpointClient({ port: server.port, protocol: "grpc-web" });
  await client.post({}, { headers: { "X-User-Agent": "a/1" } });
  expect(seen.splice(0)).toEqual([["a/1", "a/1"]]);
});

test.each(["connect", "grpc", "grpc-web"] as const)("streams of %s say who calls", async (protocol) => {
  using server = await startScriptedStreams("2", async function* (_, context) {
    see(context);
    yield "a";
  });
  const { client } = endpointClient({ port: server.port, protocol });
  for await (const _ of client.serverStream({})) {
    // Until it ends.
  }
  expect(seen.splice(0)[0]?.[0]).toBe(USER_AGENT);
});
