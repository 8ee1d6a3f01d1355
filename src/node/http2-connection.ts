import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ClientSessionRequestOptions,
  constants,
  type OutgoingHttpHeaders,
} from "node:http2";
import type { Socket } from "node:net";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Clock } from "../runtime.ts";

/** One established HTTP/2 connection: counts its streams, and holds the process exactly while there are any. */
export class Http2Connection {
  readonly #session: ClientHttp2Session;
  readonly #socket: Socket;
  readonly #clock: Clock;
  #streams = 0;
  #draining = false;
  #heardAt: number;

  /** @param session has its permanent `error` listener already: the one who dialled added it before anything could fail. */
  constructor(session: ClientHttp2Session, socket: Socket, clock: Clock) {
    this.#session = session;
    this.#socket = socket;
    this.#clock = clock;
    this.#heardAt = clock.now();
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

  /**
   * When the server last sent something for a call. Not when one was last sent: on a connection that was forgotten
   * without a word, calls that fail must not keep it young. And not when a stream ended, which may be noticed late.
   */
  get heardAt(): number {
    return this.#heardAt;
  }

  /** Bytes of this stream's response have been read. */
  heard(stream: ClientHttp2Stream): void {
    if (stream.session === this.#session) this.#heardAt = this.#clock.now();
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
      this.#heardAt = this.#clock.now();
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
    if (this.#streams > 0) return;
    this.#socket.unref();
    if (this.#draining) this.#session.destroy();
  }
}
