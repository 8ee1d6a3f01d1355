import type {
  ClientHttp2Session,
  ClientHttp2Stream,
  ClientSessionRequestOptions,
  OutgoingHttpHeaders,
} from "node:http2";
import type { Socket } from "node:net";
import type { ConnectError } from "@connectrpc/connect";
import type { ConnectionEnd } from "../../endpoints/endpoint-transport.ts";
import type { Clock } from "../../runtime.ts";
import type { Exchange, Handlers } from "../exchange.ts";
import type { Credentials } from "../net/tls-context.ts";
import { headerListTooLarge } from "./header-size.ts";
import { Http2Code } from "./http2-codes.ts";
import { failureOfStream, lostConnection } from "./http2-failure.ts";
import { Http2Liveness, type SignsOfLife } from "./http2-liveness.ts";
import { notifyOfSilence, takeBackDoubted } from "./http2-silence.ts";
import { Http2Watchdog, type Watched } from "./http2-watchdog.ts";
import { ResetAllowance } from "./reset-allowance.ts";
import { ResponseWatcher } from "./response-watcher.ts";
import { RoundTrip } from "./round-trip.ts";

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
export class Http2Connection implements SignsOfLife, Watched {
  /** When it is due to be replaced by another one; Infinity for never. */
  replaceAt: number;
  /** When it takes no more calls, because its credentials were replaced; Infinity for never. */
  retireAt = Number.POSITIVE_INFINITY;
  /** What it was made with; undefined where that cannot change. */
  credentials: Credentials | undefined;
  heardAt: number;
  pings = 0;
  busySince = 0;
  /** Streams that have not ended. */
  inFlight = 0;
  readonly liveness: Http2Liveness;
  readonly roundTrip: RoundTrip;
  readonly #watchdog: Http2Watchdog;
  readonly #session: ClientHttp2Session;
  readonly #socket: Socket;
  readonly #options: Http2ConnectionOptions;
  /** Those for which nothing has come yet. */
  readonly #waiting = new Set<Exchange>();
  readonly #resets: ResetAllowance;
  #mostStreams: number;
  /** It has had an answer of a Connect or gRPC handler. */
  #isHandlers = false;
  /** Why it takes no more calls. */
  #endedBy: ConnectionEnd | undefined;
  /** The highest stream that the server may have processed, by its GOAWAY. */
  #lastStreamId = Number.POSITIVE_INFINITY;

  /**
   * @param session has its permanent `error` listener already: the dial added it before anything could fail.
   * @param roundTripMs what the dial measured.
   */
  constructor(session: ClientHttp2Session, socket: Socket, roundTripMs: number, options: Http2ConnectionOptions) {
    const { clock, spacesPings } = options;
    this.#session = session;
    this.#socket = socket;
    this.#options = options;
    this.heardAt = clock.now();
    this.replaceAt = this.heardAt + options.maxAgeMs();
    this.#resets = new ResetAllowance(this.heardAt);
    this.roundTrip = new RoundTrip(roundTripMs);
    this.liveness = new Http2Liveness(this, { session, socket, clock, spacesPings });
    this.#watchdog = new Http2Watchdog(this, clock, () => notifyOfSilence(this.#waiting));
    this.#mostStreams = session.remoteSettings.maxConcurrentStreams ?? Number.POSITIVE_INFINITY;
    session.on("remoteSettings", ({ maxConcurrentStreams }) => {
      this.#mostStreams = maxConcurrentStreams ?? Number.POSITIVE_INFINITY;
    });
    // Node closes the session by itself on GOAWAY, but a moment later; from this event on nothing new may start.
    session.on("goaway", (_code, lastStreamId) => {
      // A server may lower it with a second GOAWAY (RFC 9113 section 6.8).
      this.#lastStreamId = Math.min(this.#lastStreamId, lastStreamId);
      this.close("goaway");
    });
    session.once("close", () => options.onClosed?.(this.#endedBy ?? "lost"));
  }

  /** Whether a new stream can be opened. */
  get usable(): boolean {
    return this.#isOpen && !this.#isSilent;
  }

  /** It gives no sign of life, and would be usable if it did. */
  get isSuspect(): boolean {
    return this.#isOpen && this.#isSilent;
  }

  get #isOpen(): boolean {
    return this.#endedBy === undefined && !this.#session.closed && !this.#session.destroyed && !this.#socket.destroyed;
  }

  get #isSilent(): boolean {
    return this.#watchdog.state === "suspect" && this.#watchdog.isSuspect;
  }

  /** It carries as many streams as its server allows: another one would wait for the end of one of them. */
  get isFull(): boolean {
    return this.inFlight >= this.#mostStreams;
  }

  /** Opens a stream, whose headers must fit (`headerProblem()`). What this throws was not sent. */
  request(headers: OutgoingHttpHeaders, options: ClientSessionRequestOptions, exchange: Exchange): ClientHttp2Stream {
    const stream = this.#session.request(headers, options);
    // A pending stream has no ID yet. Those that the connection has left are for the calls that are on their way.
    if ((stream.id ?? 0) > LAST_STREAM_ID - IDS_LEFT) this.#endedBy ??= "used-up";
    this.#begin(stream, exchange);
    // connect-node listens only after a microtask; an error before that must not be uncaught.
    stream.on("error", () => {});
    (stream as AsyncIterable<Buffer>)[Symbol.asyncIterator] = () => new ResponseWatcher(stream, this.#heard);
    // Called once, when the stream is over. What it is over with becomes the stream's own error: Node gives one error of
    // the session to all its streams, of which some never left and some were answered.
    const destroy = stream._destroy;
    stream._destroy = (error, callback) =>
      destroy.call(stream, error, (reason) =>
        callback(this.#failureOf(stream, exchange, headers, reason ?? undefined)),
      );
    // An interim response (103, for instance): the server is at work, and a later REFUSED_STREAM or GOAWAY cannot undo that.
    stream.on("headers", () => this.#answered(exchange));
    // Each of these comes once in a stream's life; `once` would build a wrapper for every call.
    stream.on("response", (response) => {
      this.#answered(exchange);
      this.#isHandlers ||= this.#options.handlers.isKnown(this, response);
      exchange.answered(response, this.#isHandlers);
    });
    stream.on("close", () => this.#end(stream, exchange));
    return stream;
  }

  /** The error of a request whose headers would harm the other calls on the connection; undefined where they fit. */
  headerProblem(headers: OutgoingHttpHeaders): ConnectError | undefined {
    return headerListTooLarge(headers, this.#session.remoteSettings.maxHeaderListSize);
  }

  /** No new streams. Running ones finish, then the connection closes. */
  close(reason: ConnectionEnd): void {
    this.#endedBy ??= reason;
    // Not the session's close(): with nothing running it waits for the peer's FIN, which may never come; and its GOAWAY may
    // overtake a stream that has just been opened, which Node's server then refuses.
    if (this.inFlight === 0) this.#session.destroy();
  }

  /** The server is gone: everything on this connection fails now. */
  condemn(): void {
    this.#endedBy ??= "silent";
    this.#session.destroy(lostConnection());
  }

  /**
   * A verification was not answered. What was sent in doubt is sent elsewhere, as its calls have agreed to; what was under
   * way before is left alone, because a busy server looks the same.
   */
  foundSilent(): void {
    if (takeBackDoubted(this.#waiting) === this.inFlight) this.condemn();
    else this.#watchdog.suspect();
  }

  #begin(stream: ClientHttp2Stream, exchange: Exchange): void {
    this.inFlight += 1;
    this.#waiting.add(exchange);
    exchange.isDoubted = this.liveness.verification !== undefined;
    exchange.opened(stream);
    if (this.inFlight > 1) return;
    this.busySince = this.#options.clock.now();
    if (this.#watchdog.state === "off") this.#watchdog.start();
    // The socket rather than the session: a session that has been destroyed no longer reaches its socket.
    this.#socket.ref();
  }

  #answered(exchange: Exchange): void {
    this.#waiting.delete(exchange);
    this.#heard();
  }

  /** HEADERS or DATA came. */
  readonly #heard = (): void => {
    this.heardAt = this.#options.clock.now();
    this.pings = 0;
    if (this.#watchdog.state !== "watching") this.#watchdog.startOver();
  };

  #failureOf(
    stream: ClientHttp2Stream,
    exchange: Exchange,
    headers: OutgoingHttpHeaders,
    reason: Error | undefined,
  ): Error | null {
    const { hasResponse, isDoubted } = exchange;
    const isLeaving = this.#lastStreamId < Number.POSITIVE_INFINITY;
    if (reason === undefined && hasResponse && stream.rstCode === Http2Code.NO_ERROR && !isLeaving) return null;
    const hasBegun = !this.#waiting.has(exchange);
    const hasConnection = !this.#session.destroyed && !this.#socket.destroyed;
    const isLeftOut = (stream.id ?? 0) > this.#lastStreamId;
    const end = { hasBegun, hasResponse, hasConnection, isLeftOut, isLeaving, isDoubted, headers };
    return failureOfStream(stream, reason, end) ?? null;
  }

  #end(stream: ClientHttp2Stream, exchange: Exchange): void {
    this.inFlight -= 1;
    const isReset = stream.rstCode !== Http2Code.NO_ERROR;
    // Leaves the connection in time to the calls that are on it.
    if (isReset && this.#resets.reset(this.inFlight, this.#options.clock.now())) this.#endedBy ??= "used-up";
    this.#waiting.delete(exchange);
    if (this.inFlight > 0) return;
    this.#socket.unref();
    if (this.#endedBy !== undefined || this.#isSilent) this.#session.destroy();
    if (this.#watchdog.state !== "watching") this.#watchdog.startOver();
  }
}
