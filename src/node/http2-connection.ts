import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ClientSessionRequestOptions,
  constants,
  type OutgoingHttpHeaders,
} from "node:http2";
import type { Socket } from "node:net";
import type { ConnectionEnd } from "../pool/endpoint-transport.ts";
import { recordFact } from "../resilience/failure-facts.ts";
import type { Clock } from "../runtime.ts";
import type { Exchange, Handlers } from "./exchange.ts";
import { sizeOfHeaders, tooLarge } from "./header-size.ts";
import { cancelStream, failureOfStream, lostConnection, type StreamEnd } from "./http2-failure.ts";
import { Http2Liveness } from "./http2-liveness.ts";
import { Http2Watchdog } from "./http2-watchdog.ts";
import { ResetAllowance } from "./reset-allowance.ts";
import { ResponseReader } from "./response-reader.ts";
import { RoundTrip } from "./round-trip.ts";
import type { Credentials } from "./tls-context.ts";

export interface Http2ConnectionOptions {
  readonly clock: Clock;
  /** The server may be one of gRPC's own, which allow few PINGs. */
  readonly spacesPings: boolean;
  readonly handlers: Handlers;
  /** Called once, when it has ended. */
  readonly onClosed?: (reason: ConnectionEnd) => void;
  /** The age at which it is replaced; Infinity for none. */
  maxAgeMs(): number;
}

/** RFC 9113 section 5.1.1: a connection whose stream IDs are used up cannot open another stream. */
const LAST_STREAM_ID = 2 ** 31 - 1;
const IDS_LEFT = 2 ** 20;

/** One established HTTP/2 connection: counts its streams, and holds the process exactly while there are any. */
export class Http2Connection {
  /** When it is due to be replaced by another one; Infinity for never. */
  replaceAt: number;
  /** When it takes no more calls, because its credentials were replaced; Infinity for never. */
  retireAt = Number.POSITIVE_INFINITY;
  /** What it was made with; undefined where that cannot change. */
  credentials: Credentials | undefined;
  readonly liveness: Http2Liveness;
  readonly roundTrip: RoundTrip;
  readonly #watchdog: Http2Watchdog;
  readonly #session: ClientHttp2Session;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #handlers: Handlers;
  /** Streams for which nothing has come yet, and the exchange of each. */
  readonly #waiting = new Map<ClientHttp2Stream, Exchange | undefined>();
  /** Those of them that were opened while a PING asked whether anything is at the other end. */
  readonly #doubted = new Set<ClientHttp2Stream>();
  readonly #resets: ResetAllowance;
  #streams = 0;
  #mostStreams: number;
  /** Why it takes no more calls. */
  #endedBy: ConnectionEnd | undefined;
  /** The highest stream that the server may have processed, once it has said so (GOAWAY). */
  #lastStreamId = Number.POSITIVE_INFINITY;

  /**
   * @param session has its permanent `error` listener already: the one who dialled added it before anything could fail.
   * @param roundTripMs as far as dialling could tell.
   */
  constructor(session: ClientHttp2Session, socket: Socket, roundTripMs: number, options: Http2ConnectionOptions) {
    const { clock, spacesPings, handlers } = options;
    this.#session = session;
    this.#socket = socket;
    this.#handlers = handlers;
    this.#clock = clock;
    const now = clock.now();
    this.replaceAt = now + options.maxAgeMs();
    this.#resets = new ResetAllowance(now);
    this.roundTrip = new RoundTrip(roundTripMs);
    const { roundTrip } = this;
    this.liveness = new Http2Liveness({ session, socket, clock, roundTrip, spacesPings });
    this.#watchdog = new Http2Watchdog({
      clock,
      roundTrip,
      liveness: this.liveness,
      onSuspect: () => this.#tellWaiting(),
      onDead: () => this.condemn(),
    });
    this.#mostStreams = session.remoteSettings.maxConcurrentStreams ?? Number.POSITIVE_INFINITY;
    session.on("remoteSettings", ({ maxConcurrentStreams }) => {
      this.#mostStreams = maxConcurrentStreams ?? Number.POSITIVE_INFINITY;
    });
    // Node closes the session by itself on GOAWAY, but a moment later; from this event on nothing new may start.
    session.on("goaway", (_code, lastStreamId) => {
      this.#endedBy ??= "goaway";
      // A server may lower it with a second GOAWAY (RFC 9113 section 6.8).
      this.#lastStreamId = Math.min(this.#lastStreamId, lastStreamId);
      if (this.#streams === 0) this.#session.destroy();
    });
    session.once("close", () => options.onClosed?.(this.#endedBy ?? "lost"));
  }

  /** Whether a new stream can be opened. */
  get usable(): boolean {
    return this.#isOpen && !this.#watchdog.isSuspect;
  }

  /** It gives no sign of life, and would be usable if it did. */
  get isSuspect(): boolean {
    return this.#isOpen && this.#watchdog.isSuspect;
  }

  get #isOpen(): boolean {
    return this.#endedBy === undefined && !this.#session.closed && !this.#session.destroyed && !this.#socket.destroyed;
  }

  /** It carries as many streams as its server allows: another one would wait for the end of one of them. */
  get isFull(): boolean {
    return this.#streams >= this.#mostStreams;
  }

  /** Streams that have not ended. */
  get inFlight(): number {
    return this.#streams;
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
    if ((stream.id ?? 0) > LAST_STREAM_ID - IDS_LEFT) this.#endedBy ??= "used-up";
    this.#begin(stream, exchange);
    // connect-node listens only after a microtask; an error before that must not be uncaught.
    stream.on("error", () => {});
    (stream as AsyncIterable<Buffer>)[Symbol.asyncIterator] = () => new ResponseReader(stream, this.#heard);
    const isDoubted = this.#doubted.has(stream);
    let hasResponse = false;
    // Called once, when the stream is over. What it is over with becomes the stream's own error: Node gives one error of
    // the session to all its streams, of which some never left and some were answered.
    const destroy = stream._destroy;
    stream._destroy = (error, callback) =>
      destroy.call(stream, error, (reason) => {
        const isWell = reason === null && hasResponse && stream.rstCode === constants.NGHTTP2_NO_ERROR;
        if (isWell && this.#lastStreamId === Number.POSITIVE_INFINITY) return callback(null);
        const known = { hasResponse, isDoubted, size };
        callback(this.#failureOf(stream, reason ?? undefined, known));
      });
    const onBegun = (): void => {
      this.#waiting.delete(stream);
      this.#doubted.delete(stream);
      this.#heard();
    };
    // An interim response (103, for instance): the server is at work, and what it says later of not having begun is void.
    stream.on("headers", onBegun);
    // Each of these comes once in a stream's life; `once` would build a wrapper for every call.
    stream.on("response", (response) => {
      hasResponse = true;
      onBegun();
      this.#handlers.answered(exchange, this, response);
    });
    stream.on("close", () => this.#end(stream));
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
  close(reason: ConnectionEnd): void {
    this.#endedBy ??= reason;
    // Not the session's close(): with nothing running it waits for the peer's FIN, which may never come; and its GOAWAY may
    // overtake a stream that has just been opened, which Node's server then refuses.
    if (this.#streams === 0) this.#session.destroy();
  }

  /** Nobody is at the other end: everything on this connection fails now. */
  condemn(): void {
    this.#endedBy ??= "silent";
    this.#session.destroy(lostConnection());
  }

  /**
   * A verification was not answered. What was sent in doubt goes elsewhere, which its calls have agreed to; what was under
   * way before is left alone, because a busy server looks the same.
   */
  foundSilent(): void {
    const isAllInDoubt = this.#streams === this.#doubted.size;
    for (const stream of [...this.#doubted]) {
      this.#doubted.delete(stream);
      this.#waiting.delete(stream);
      const error = lostConnection();
      recordFact(error, "stale");
      cancelStream(stream, error);
    }
    if (isAllInDoubt) this.condemn();
    else this.#watchdog.suspect();
  }

  readonly #heard = (): void => {
    this.liveness.heard();
    this.#watchdog.heard();
  };

  /** Nobody may be at the other end. Who waits may ask elsewhere, too; it is for none of them to give up. */
  #tellWaiting(): void {
    let isFirst = true;
    for (const exchange of [...this.#waiting.values()]) {
      if (exchange?.call === undefined) continue;
      exchange.call.onSuspect(isFirst);
      isFirst = false;
    }
  }

  #begin(stream: ClientHttp2Stream, exchange: Exchange | undefined): void {
    this.#streams += 1;
    this.#waiting.set(stream, exchange);
    if (this.liveness.verification !== undefined) this.#doubted.add(stream);
    exchange?.opened(stream);
    this.#watchdog.begin();
    // The socket rather than the session: a session that has been destroyed no longer reaches its socket.
    if (this.#streams === 1) this.#socket.ref();
  }

  /** Leaves the connection in time to the calls that are on it. */
  #countReset(): void {
    const now = this.#clock.now();
    this.#resets.reset(now);
    if (this.#resets.isNearlyUsed(this.#streams, now)) this.#endedBy ??= "used-up";
  }

  #end(stream: ClientHttp2Stream): void {
    this.#streams -= 1;
    if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) this.#countReset();
    this.#waiting.delete(stream);
    this.#doubted.delete(stream);
    this.#watchdog.end();
    if (this.#streams > 0) return;
    this.#socket.unref();
    if (this.#endedBy !== undefined || this.#watchdog.isSuspect) this.#session.destroy();
  }
}
