import type { ClientHttp2Stream } from "node:http2";

/** How much of a response is read before its reader asks for it, in bytes: Node's own buffer of a stream. */
const MOST_AHEAD = 65_536;

/**
 * The bytes of an HTTP/2 response, for a reader that may come late. They are taken from the stream as they arrive, up
 * to a limit: what has arrived must not be lost with the connection. Node's own iterator leaves them in the stream; it
 * takes a stream that has ended before its first `next()` for one that broke ("Premature close",
 * lib/internal/streams/end-of-stream.js), and a connection that closes takes along what was not read.
 */
export class ResponseWatcher implements AsyncIterator<Buffer> {
  readonly #stream: ClientHttp2Stream;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #over: { readonly error: Error | undefined } | undefined;
  #asking: { resolve(result: IteratorResult<Buffer>): void; reject(error: Error): void } | undefined;

  /** @param onData called whenever bytes have come. */
  constructor(stream: ClientHttp2Stream, onData: () => void) {
    this.#stream = stream;
    stream.on("end", () => this.#end(undefined));
    stream.on("error", (error) => this.#end(error));
    stream.on("close", () => this.#over === undefined && this.#end(prematureClose()));
    stream.on("data", (chunk: Buffer) => {
      onData();
      if (this.#asking !== undefined) {
        const { resolve } = this.#asking;
        this.#asking = undefined;
        resolve({ done: false, value: chunk });
        return;
      }
      this.#chunks.push(chunk);
      this.#bytes += chunk.length;
      if (this.#bytes >= MOST_AHEAD) stream.pause();
    });
  }

  next(): Promise<IteratorResult<Buffer>> {
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) {
      this.#bytes -= chunk.length;
      if (this.#bytes < MOST_AHEAD && this.#stream.isPaused()) this.#stream.resume();
      return Promise.resolve({ done: false, value: chunk });
    }
    if (this.#over === undefined) {
      return new Promise((resolve, reject) => {
        this.#asking = { resolve, reject };
      });
    }
    return this.#over.error === undefined
      ? Promise.resolve({ done: true, value: undefined })
      : Promise.reject(this.#over.error);
  }

  #end(error: Error | undefined): void {
    if (this.#over !== undefined) return;
    this.#over = { error };
    const asking = this.#asking;
    this.#asking = undefined;
    if (error === undefined) asking?.resolve({ done: true, value: undefined });
    else asking?.reject(error);
  }
}

/** In the shape of Node's own error. */
function prematureClose(): Error {
  return Object.assign(new Error("Premature close"), { code: "ERR_STREAM_PREMATURE_CLOSE" });
}
