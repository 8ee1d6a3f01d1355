import { once } from "node:events";
import { connect, createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { ResponseWatcher } from "../../../src/node/http2/response-watcher.ts";
import { rejection } from "../../support/endpoint-client.ts";

const CHUNK = 32_768;

/** A server that sends `chunks` chunks as fast as it may, and a request to it whose response has begun. */
async function responseOf(chunks: number) {
  const server = createServer();
  const sent = { bytes: 0 };
  server.on("stream", (stream) => {
    stream.on("error", () => {});
    stream.respond({ ":status": 200 });
    const send = (left: number): void => {
      if (left === 0) stream.end();
      else
        stream.write(Buffer.alloc(CHUNK), () => {
          sent.bytes += CHUNK;
          send(left - 1);
        });
    };
    send(chunks);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const stream = session.request({ ":path": "/" });
  stream.on("error", () => {});
  await once(stream, "response");
  return {
    sent,
    stream,
    reader: new ResponseWatcher(stream, () => {}),
    [Symbol.dispose]() {
      session.destroy();
      server.close();
    },
  };
}

async function lengthOf(reader: ResponseWatcher): Promise<number> {
  let bytes = 0;
  for (let next = await reader.next(); next.done !== true; next = await reader.next()) bytes += next.value.length;
  return bytes;
}

test("a response that nobody reads holds its server back, and is whole when it is read", async () => {
  using response = await responseOf(256);
  let before = -1;
  await expect
    .poll(() => {
      const isStill = response.sent.bytes === before;
      before = response.sent.bytes;
      return isStill;
    })
    .toBe(true);
  expect(response.sent.bytes).toBeLessThan(16 * CHUNK);
  expect(await lengthOf(response.reader)).toBe(256 * CHUNK);
  expect(await response.reader.next()).toEqual({ done: true, value: undefined });
});

test("what came before an error is read before it", async () => {
  using response = await responseOf(256);
  await expect.poll(() => response.stream.isPaused()).toBe(true);
  response.stream.destroy(new Error("broken"));
  let bytes = 0;
  const error = await rejection(
    (async () => {
      for (let next = await response.reader.next(); next.done !== true; next = await response.reader.next()) {
        bytes += next.value.length;
      }
    })(),
  );
  expect(error.message).toBe("broken");
  expect(bytes).toBeGreaterThanOrEqual(65_536);
});

test("a stream that closes without an end is one that broke", async () => {
  using response = await responseOf(256);
  const reading = rejection(lengthOf(response.reader));
  response.stream.destroy();
  expect(await reading).toMatchObject({ code: "ERR_STREAM_PREMATURE_CLOSE" });
});
