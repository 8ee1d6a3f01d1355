import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { causesOf, factAmong } from "../../../src/resilience/failure-facts.ts";
import { endpointClient, rejection } from "../../support/endpoint-client.ts";
import { startEchoServer } from "../../support/servers.ts";

// Whether the caller ended a request is a fact of its signal, and not of an error's code, which anything may have.

describe.each(["2", "1.1"] as const)("over HTTP/%s", (httpVersion) => {
  test.each(["Canceled", "Unavailable"] as const)(
    "input that breaks by a ConnectError of code %s comes from the client itself",
    async (code) => {
      await using server = await startEchoServer({ httpVersion });
      const { client } = endpointClient({ port: server.port, httpVersion });
      async function* input() {
        yield { text: "a" };
        throw new ConnectError("the input broke", Code[code]);
      }
      const error = await rejection(client.clientStream(input()));
      expect(factAmong(causesOf(error))).toBe("unsendable");
    },
  );

  test.each([new ConnectError("enough", Code.Unavailable), new Error("enough")])(
    "an abort for any reason does not: %s",
    async (reason) => {
      await using server = await startEchoServer({ httpVersion });
      const { client } = endpointClient({ port: server.port, httpVersion });
      const aborting = new AbortController();
      async function* input() {
        yield { text: "a" };
        aborting.abort(reason);
        yield { text: "b" };
      }
      const error = await rejection(client.clientStream(input(), { signal: aborting.signal }));
      expect(factAmong(causesOf(error))).toBeUndefined();
    },
  );

  test("nor does a time limit that passes", async () => {
    await using server = await startEchoServer({ httpVersion });
    const { client } = endpointClient({ port: server.port, httpVersion, protocol: "grpc-web" });
    const error = await rejection(client.post({ delayMs: 5_000 }, { timeoutMs: 20 }));
    expect(error).toMatchObject({ code: Code.DeadlineExceeded });
    expect(factAmong(causesOf(error))).toBeUndefined();
  });
});
