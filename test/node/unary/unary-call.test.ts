import { type ClientHttp2Stream, constants } from "node:http2";
import { Code } from "@connectrpc/connect";
import { expect, test, vi } from "vitest";
import type { ResponseReader } from "../../../src/node/unary/response.ts";
import { UnaryCall } from "../../../src/node/unary/unary-call.ts";

test("a stream that opens after its call is over is cancelled, and nothing is sent on it", async () => {
  const aborting = new AbortController();
  const call = new UnaryCall(undefined, {} as ResponseReader<never, never>, aborting.signal);
  const response = call.run(undefined);
  aborting.abort();
  await expect(response).rejects.toMatchObject({ code: Code.Canceled });
  const stream = { close: vi.fn(), end: vi.fn(), on: vi.fn() };
  call.send(stream as unknown as ClientHttp2Stream, new Uint8Array(1));
  expect(stream.close).toHaveBeenCalledExactlyOnceWith(constants.NGHTTP2_CANCEL);
  expect(stream.end).not.toHaveBeenCalled();
});
