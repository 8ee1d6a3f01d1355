import type {
  ClientHttp2Session,
  ClientHttp2Stream,
  ClientSessionRequestOptions,
  OutgoingHttpHeaders,
} from "node:http2";
import type { Socket } from "node:net";
import { recordFact } from "../resilience/failure-facts.ts";
import type { Clock } from "../runtime.ts";
import type { Exchange, Handlers } from "./exchange.ts";
import { sizeOfHeaders, tooLarge } from "./header-size.ts";
import { failureOfStream, lostConnection, type StreamEnd } from "./http2-failure.ts";
import { Http2Liveness } from "./http2-liveness.ts";
import { ResponseReader } from "./response-reader.ts";

export interface Http2ConnectionOptions {
  readonly clock: Clock;
  /** Whether a request of this path would be sent again if it were given up now, `besides` others. */
  mayRepeat(path: string, besides: number): boolean;
  readonly handlers: Handlers;
}

/** RFC 9113 section 5.1.1: a connection whose stream IDs are used up cannot open another stream. */
const LAST_STREAM_ID = 2 ** 31 - 1;
const IDS_LEFT = 2 ** 20;

/** One established HTTP/2 connection: counts its streams, and holds the process exactly while there are any. */
export class Http2Connection {
  readonly bornAt: number;
  readonly liveness: Http2Liveness;
  readonly #session: ClientHttp2Session;
  readonly #socket: Socket;
  readonly #options: Http2ConnectionOptions;
  /** Streams for which nothing has come yet, and what they ask for. */
  readonly #waiting = new Map<ClientHttp2Stream, string>();
  #streams = 0;
  #draining = false;
  /** The highest stream that the server may have processed, once it has said so (GOAWAY). */
  #lastStreamId = Number.POSITIVE_INFINITY;

  /**
   * @param session has its permanent `error` listener already: the one who dialled added it before anything could fail.
   * @param roundTripMs as far as dialling could tell.
   */
  constructor(session: ClientHttp2Session, socket: Socket, roundTripMs: number, options: Http2ConnectionOptions) {
    const { clock } = options;
    this.#session = session;
    this.#socket = socket;
    this.#options = options;
    this.bornAt = clock.now();
    this.liveness = new Http2Liveness(session, clock, roundTripMs, {
      onSuspect: () => this.#moveOn(),
      onDead: () => this.condemn(),
    });
    // Node closes the session by itself on GOAWAY, but a moment later; from this event on nothing new may start.
    session.on("goaway", (_code, lastStreamId) => {
      this.#draining = true;
      // A server may lower it with a second GOAWAY (RFC 9113 section 6.8).
      this.#lastStreamId = Math.min(this.#lastStreamId, lastStreamId);
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

  /** Bytes of this stream's response have been read. */
  heard(stream: ClientHttp2Stream): void {
    if (stream.session === this.#session) this.liveness.heard();
  }

  /** Opens a stream. What this throws was not sent. */
  request(
    headers: OutgoingHttpHeaders,
    options: ClientSessionRequestOptions,
    exchange: Exchange | undefined,
  ): ClientHttp2Stream {
    const size = sizeOfHeaders(headers);
    const problem = tooLarge(size, this.#session.remoteSettings.maxHeaderListSize);
    if (problem !== undefined) throw problem;
    const stream = this.#session.request(headers, options);
    // A pending stream has no ID yet. Those that the connection has left are for the calls that are on their way.
    if ((stream.id ?? 0) > LAST_STREAM_ID - IDS_LEFT) this.#draining = true;
    this.#begin();
    this.#waiting.set(stream, String(headers[":path"]));
    const isDoubted = this.liveness.verification !== undefined;
    this.liveness.begin();
    // connect-node listens only after a microtask; an error before that must not be uncaught.
    stream.on("error", () => {});
    (stream as AsyncIterable<Buffer>)[Symbol.asyncIterator] = () => new ResponseReader(stream);
    // Called once, when the stream is over. What it is over with becomes the stream's own error: Node gives one error of
    // the session to all its streams, of which some never left and some were answered.
    const destroy = stream._destroy;
    let hasResponse = false;
    stream._destroy = (error, callback) =>
      destroy.call(stream, error, (reason) => {
        const known = { hasResponse, isDoubted, size };
        callback(this.#failureOf(stream, reason ?? undefined, known));
      });
    const onBegun = (): void => {
      if (this.#waiting.delete(stream)) this.liveness.end();
      this.liveness.heard();
    };
    // An interim response (103, for instance): the server is at work, and what it says later of not having begun is void.
    stream.on("headers", onBegun);
    // Each of these comes once in a stream's life; `once` would build a wrapper for every call.
    stream.on("response", (response) => {
      this.#options.handlers.answered(exchange, this, response[":status"], response["content-type"]);
      hasResponse = true;
      onBegun();
    });
    stream.on("close", () => {
      if (this.#waiting.delete(stream)) this.liveness.end();
      this.#end();
    });
    return stream;
  }

  #failureOf(
    stream: ClientHttp2Stream,
    reason: Error | undefined,
    known: Pick<StreamEnd, "hasResponse" | "isDoubted" | "size">,
  ): Error | null {
    const hasBegun = !this.#waiting.has(stream);
    const hasConnection = !this.#session.destroyed && !this.#socket.destroyed;
    const isLeftOut = (stream.id ?? 0) > this.#lastStreamId;
    const isLeaving = this.#lastStreamId < Number.POSITIVE_INFINITY;
    const end = { ...known, hasBegun, hasConnection, isLeftOut, isLeaving };
    return failureOfStream(stream, reason, end) ?? null;
  }

  /** No new streams. Running ones finish, then the connection closes. */
  close(): void {
    this.#draining = true;
    // With nothing running, not close(): that waits for the peer's FIN, which may never come.
    if (this.#streams === 0) this.#session.destroy();
    else this.#session.close();
  }

  /** Nobody is at the other end: everything on this connection fails now. */
  condemn(): void {
    this.#draining = true;
    this.#session.destroy(lostConnection());
  }

  /** Nobody may be at the other end: no new calls, and those that wait and may be repeated go elsewhere. */
  #moveOn(): void {
    this.close();
    const error = lostConnection();
    recordFact(error, "lost");
    let moved = 0;
    for (const [stream, path] of this.#waiting) {
      if (!this.#options.mayRepeat(path, moved)) continue;
      moved += 1;
      stream.destroy(error);
    }
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
