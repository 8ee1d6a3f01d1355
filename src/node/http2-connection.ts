import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ClientSessionRequestOptions,
  constants,
  type OutgoingHttpHeaders,
} from "node:http2";
import type { Socket } from "node:net";
import { Code, ConnectError } from "@connectrpc/connect";

/** One established HTTP/2 connection: counts its streams, and holds the process exactly while there are any. */
export class Http2Connection {
  readonly #session: ClientHttp2Session;
  readonly #socket: Socket;
  readonly #onActivity: () => void;
  #streams = 0;
  #draining = false;

  /**
   * @param session has its permanent `error` listener already: the one who dialled added it before anything could fail.
   * @param onActivity called when a stream ends.
   */
  constructor(session: ClientHttp2Session, socket: Socket, onActivity: () => void) {
    this.#session = session;
    this.#socket = socket;
    this.#onActivity = onActivity;
    // Node closes the session by itself on GOAWAY, but a moment later; from this event on nothing new may start.
    session.on("goaway", () => {
      this.#draining = true;
      if (this.#streams === 0) this.#session.destroy();
    });
  }

  /** Whether a new stream can be opened. */
  get usable(): boolean {
    return !this.#draining && !this.#session.closed && !this.#session.destroyed && !this.#socket.destroyed;
  }

  /** Streams that have not ended. */
  get inFlight(): number {
    return this.#streams;
  }

  /** Opens a stream. What this throws was not sent. */
  request(headers: OutgoingHttpHeaders, options: ClientSessionRequestOptions): ClientHttp2Stream {
    const stream = this.#session.request(headers, options);
    this.#begin();
    // connect-node listens only after a microtask; an error before that must not be uncaught.
    stream.on("error", () => {});
    let answered = false;
    stream.once("response", () => {
      answered = true;
    });
    stream.once("close", () => {
      this.#end();
      // connect-node takes NO_ERROR for a good end, also without any response, and the call would wait for ever
      // (connect-es #1108). gRPC maps it to INTERNAL.
      if (!answered && stream.rstCode === constants.NGHTTP2_NO_ERROR) {
        stream.emit("error", new ConnectError("http/2 stream closed without a response", Code.Internal));
      }
    });
    return stream;
  }

  /** No new streams. Running ones finish, then the connection closes. */
  close(): void {
    this.#draining = true;
    // With nothing running, not close(): that waits for the peer's FIN, which may never come.
    if (this.#streams === 0) this.#session.destroy();
    else this.#session.close();
  }

  #begin(): void {
    this.#streams += 1;
    // The socket rather than the session: a session that has been destroyed no longer reaches its socket.
    if (this.#streams === 1) this.#socket.ref();
  }

  #end(): void {
    this.#streams -= 1;
    this.#onActivity();
    if (this.#streams > 0) return;
    this.#socket.unref();
    if (this.#draining) this.#session.destroy();
  }
}
