import { AsyncLocalStorage } from "node:async_hooks";
import { getEventListeners } from "node:events";
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { BytesValueSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { USER_AGENT } from "../../../src/node/unary/user-agent.ts";
import { EchoService } from "../../support/gen/echo_pb.ts";
import { clientOf, type Path, type Protocol, send } from "./paths.ts";
import { respond, startHttp2Script } from "./script.ts";
import { envelope, plainAnswer } from "./wire.ts";

const post = { method: "post", message: { text: "hello" } } as const;

test("the user agent names the version of package.json", () => {
  const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
  expect(USER_AGENT).toBe(`connect-lb/${version}`);
});

describe.each(["connect", "grpc"] as const)("%s", (protocol) => {
  test("the user agent is ours, and a caller's own one stands", async () => {
    using server = await startHttp2Script(plainAnswer(protocol));
    const agentOf = async (path: Path, header: HeadersInit) => {
      await send(clientOf(path, server.port, protocol).transport, { ...post, header });
      return server.requests.at(-1)?.userAgent;
    };
    for (const path of ["own", "connect-node"] as const) {
      expect(await agentOf(path, {})).toBe(USER_AGENT);
      expect(await agentOf(path, { "User-Agent": "a/1" })).toBe("a/1");
    }
  });

  test.each([false, true])(
    "bytes of a message keep no more memory than the message, compressed: %s",
    async (isCompressed) => {
      const value = new Uint8Array(1_000).fill(7);
      using server = await startHttp2Script(bytesAnswer(protocol, value, isCompressed));
      const { transport } = clientOf("own", server.port, protocol);
      const method = { ...EchoService.method.post, output: BytesValueSchema };
      const call = () => transport.unary(method, undefined, undefined, undefined, {});
      // Answers that come at once share a read.
      for (const { message } of await Promise.all(Array.from({ length: 50 }, call))) {
        expect(message.value).toEqual(value);
        expect(message.value.constructor).toBe(Uint8Array);
        expect(message.value.buffer.byteLength).toBeLessThan(value.length + 16);
      }
    },
  );

  test("the context of AsyncLocalStorage is that of the caller, on a connection made in another one", async () => {
    using server = await startHttp2Script(plainAnswer(protocol));
    const { transport } = clientOf("own", server.port, protocol);
    const context = new AsyncLocalStorage<number>();
    const call = async () => {
      await send(transport, post);
      return context.getStore();
    };
    expect(await context.run(0, call)).toBe(0);
    const numbers = Array.from({ length: 20 }, (_, number) => number);
    expect(await Promise.all(numbers.map((number) => context.run(number, call)))).toEqual(numbers);
    expect(await call()).toBeUndefined();
  });

  test("a copy of a response has its header and trailer", async () => {
    using server = await startHttp2Script(plainAnswer(protocol));
    const response = await send(clientOf("own", server.port, protocol).transport, post);
    const copy = { ...response };
    expect(Object.keys(copy)).toEqual(["stream", "service", "method", "message", "header", "trailer"]);
    expect(copy.header.get("content-type")).toMatch(/proto$/);
    expect(copy.trailer.get("grpc-status")).toBe(protocol === "grpc" ? "0" : null);
    expect(copy.header).toBe(response.header);
    expect(copy.trailer).toBe(response.trailer);
  });

  test("200 calls leave no listener on a signal that lives on", async () => {
    using server = await startHttp2Script(plainAnswer(protocol));
    const { transport } = clientOf("own", server.port, protocol);
    const { signal } = new AbortController();
    const calls = Array.from({ length: 200 }, () => send(transport, { ...post, signal, timeoutMs: 60_000 }));
    expect(getEventListeners(signal, "abort")).toHaveLength(200);
    await Promise.all(calls);
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });
});

function bytesAnswer(protocol: Protocol, value: Uint8Array, isCompressed: boolean) {
  const message = toBinary(BytesValueSchema, create(BytesValueSchema, { value }));
  const body = isCompressed ? gzipSync(message) : message;
  const encoding = isCompressed && { [protocol === "grpc" ? "grpc-encoding" : "content-encoding"]: "gzip" };
  if (protocol === "connect") return respond({ "content-type": "application/proto", ...encoding }, body);
  const headers = { "content-type": "application/grpc+proto", ...encoding };
  return respond(headers, envelope(body, isCompressed ? 1 : 0), { "grpc-status": "0" });
}
