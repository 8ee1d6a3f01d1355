import { type IncomingMessage, request as sendRequest } from "node:http";
import { hostAndPort } from "../../endpoint.ts";
import type { HttpGet, HttpRequest, HttpResponse } from "../../net/http-get.ts";
import { timerMs } from "../../runtime.ts";
import { openSocket } from "./open-socket.ts";
import { changingTlsOf } from "./tls-context.ts";

/**
 * `node:http` rather than fetch: fetch keeps its connection for 4 s, cannot be told which address to dial, and holds
 * the process while it waits.
 */
export const nodeHttpGet: HttpGet = (request) =>
  new Promise((resolve, reject) => {
    const { verifiedName, port, path, headers, signal, timeoutMs } = request;
    signal.throwIfAborted();
    // Whoever counted the time may have been held up since.
    if (!(timeoutMs > 0)) throw new Error("no time is left");
    changingTlsOf(request.tls, request.onTlsFiles);
    // Without an agent, it asks for the connection to be closed after the answer. It throws where a header cannot be
    // sent, before it connects.
    const sent = sendRequest({
      createConnection: () => openSocket(request).unref().on("error", fail),
      path,
      headers: { ...headers, host: hostAndPort(verifiedName, port) },
    });
    const onAbort = () => fail(signal.reason);
    const timer = setTimeout(() => fail(new Error(`no answer within ${timeoutMs} ms`)), timerMs(timeoutMs)).unref();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      sent.destroy();
    };
    signal.addEventListener("abort", onAbort, { once: true });
    // Its listener stays, as the socket's does: a late error that nobody hears ends the process.
    sent.on("error", fail);
    // A 101 that nobody asked for closes it without an error.
    const onClose = () => fail(new Error("the connection was closed without a response"));
    sent.on("close", onClose);
    sent.on("response", (message) => {
      sent.off("close", onClose);
      readBody(message, request).then((response) => {
        done();
        resolve(response);
      }, fail);
    });
    sent.end();

    function fail(error: unknown): void {
      done();
      reject(error);
    }
  });

async function readBody(message: IncomingMessage, { maxBytes }: HttpRequest): Promise<HttpResponse> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Error(`the response is longer than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  const { statusCode = 0, headers } = message;
  return { status: statusCode, headers, body: Buffer.concat(chunks).toString("utf8") };
}
