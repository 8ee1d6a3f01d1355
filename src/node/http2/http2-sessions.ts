import type { ClientHttp2Stream, ClientSessionRequestOptions, OutgoingHttpHeaders } from "node:http2";
import type { ConnectionEnd, ConnectRequest } from "../../endpoints/endpoint-transport.ts";
import { recordFact } from "../../resilience/failure-facts.ts";
import { isWithin } from "../../runtime.ts";
import { GapCheck, trustedGapMs } from "../event-loop.ts";
import type { Exchange } from "../exchange.ts";
import { connectFailure } from "../net/connect-errors.ts";
import type { TlsContext } from "../net/tls-context.ts";
import type { Http2Connection } from "./http2-connection.ts";
import { Http2Dialer, type Http2DialerOptions } from "./http2-dialer.ts";
import { type IdleLimits, verification, whyPastUse } from "./http2-idle.ts";
import { type ConnectionAgeLimits, isOutdated, isReplaced, putOff, spreadAgeMs } from "./http2-replacement.ts";

/** A server that allows few streams gets so many connections, for calls that no other endpoint has room for. */
const MOST_CONNECTIONS = 4;
/** Where a further one could not be made, it is not tried again for so long. */
const ADD_AGAIN_MS = 5_000;

export interface Http2SessionsOptions extends Omit<Http2DialerOptions, "maxAgeMs">, IdleLimits, ConnectionAgeLimits {
  /** The endpoint's URL; its path is not looked at. */
  readonly baseUrl: string;
}

/** What a stream begins with. */
export interface StreamHead {
  readonly httpMethod: string;
  readonly path: string;
  /** Of this request alone: the pseudo-headers are added to them. */
  readonly headers: OutgoingHttpHeaders;
  /** They are the protocol's alone, which every server takes, and no message is in the path. */
  readonly isBare: boolean;
}

/** In which state a call finds the connection that it would be sent on. Where there is none, it joins the one dial. */
type State =
  /** Each connection has as many streams as its server allows. Another one is dialled, up to `MOST_CONNECTIONS`. */
  | "full"
  /** The process did not look for `trustedGapMs`. Two turns of the event loop show what arrived; see `http2-idle.ts`. */
  | "unseen"
  /** A PING asks the server. A call that may be retried is sent along with it, any other waits for the answer. */
  | "verifying"
  /** The call is sent at once. */
  | "ready";

/**
 * The HTTP/2 connections of one endpoint. A connection that is past its use, too old, or left by its server retires: it
 * takes no more calls, and lives on by itself until its streams have ended.
 *
 * Everything is decided in the call, by comparing clocks: no timer keeps a connection alive, checks it or closes it,
 * because timers do not run in a frozen process, and after the thaw they run too late.
 */
export class Http2Sessions {
  /** The origin that requests go to. */
  readonly authority: string;
  readonly #options: Http2SessionsOptions;
  readonly #host: string;
  readonly #dialer: Http2Dialer;
  readonly #gap: GapCheck;
  /** Those that take new streams, the newest first. */
  #connections: Http2Connection[] = [];
  #addFailedAt = Number.NEGATIVE_INFINITY;

  constructor(options: Http2SessionsOptions) {
    const url = new URL(options.baseUrl);
    this.#options = options;
    this.authority = url.origin;
    this.#host = url.host;
    this.#gap = new GapCheck(options.clock);
    const dialerOptions = { ...options, maxAgeMs: () => spreadAgeMs(options) };
    this.#dialer = new Http2Dialer(url.origin, dialerOptions, (connection) => this.#connected(connection));
  }

  /**
   * `undefined` if a call can be sent at once; else a promise for when it can, or for the reason why it cannot, and
   * then nothing was sent.
   *
   * @param waiting the call; without it, the dial goes on to its end.
   */
  connect(now: number, waiting?: ConnectRequest): Promise<void> | undefined {
    if (this.#options.changingTls !== undefined) this.#retireOutdated(this.#options.changingTls, now);
    const current = this.#chosen();
    if (current === undefined) return this.#dialer.dial(now, waiting);
    if (now > current.replaceAt) {
      putOff(current);
      this.#dialer.dialInBackground(now);
    }
    switch (this.#stateOf(current, now)) {
      case "full":
        return this.#oneMore(now, waiting);
      case "unseen":
        return this.#checked(now, waiting);
      case "verifying":
        this.#gap.seenUntil = now;
        return waiting?.canRetry ? undefined : this.#verified(current, waiting);
      case "ready":
        this.#gap.seenUntil = now;
        return undefined;
    }
  }

  /** Every connection carries as many calls as the server allows. */
  get isFull(): boolean {
    return this.#chosen()?.isFull === true;
  }

  /** The address that connected last. */
  get address(): string | undefined {
    return this.#dialer.address;
  }

  /**
   * Opens a stream: at once where there is a connection.
   *
   * @throws where the request was not sent; a promise rejects then.
   */
  open(
    request: StreamHead,
    options: ClientSessionRequestOptions,
    exchange: Exchange,
  ): ClientHttp2Stream | Promise<ClientHttp2Stream> {
    const connection = this.#chosen();
    if (connection !== undefined) return this.#openOn(connection, request, options, exchange);
    return this.#dialHolding().then(
      (dialled) => this.#openOn(dialled, request, options, exchange),
      (error) => {
        recordFact(error, "not-sent");
        throw error;
      },
    );
  }

  #openOn(
    connection: Http2Connection,
    { httpMethod, path, headers, isBare }: StreamHead,
    options: ClientSessionRequestOptions,
    exchange: Exchange,
  ): ClientHttp2Stream {
    try {
      // Node's own `:authority` lacks the brackets of an IPv6 address and shows default ports.
      headers[":method"] = httpMethod;
      headers[":path"] = path;
      headers[":authority"] = this.#host;
      const problem = isBare ? undefined : connection.headerProblem(headers);
      if (problem !== undefined) throw problem;
      return connection.request(headers, options, exchange);
    } catch (error) {
      // A TypeError is about the request itself (a `connection` header, for instance): no other endpoint would take it.
      recordFact(error, error instanceof TypeError ? "unsendable" : "not-sent");
      throw error;
    }
  }

  /** No new calls. Running ones finish, then the connection closes. */
  close(): void {
    for (const connection of this.#connections) connection.close("closed");
    this.#connections = [];
    this.#dialer.close();
  }

  /** The connection for the next stream: the newest with room, else the newest; undefined if there is none. */
  #chosen(): Http2Connection | undefined {
    const [newest] = this.#connections;
    if (newest?.usable && !newest.isFull) return newest;
    // Those that can no longer be used live on by themselves; a suspect may come back.
    if (this.#connections.some((connection) => !connection.usable)) {
      this.#connections = this.#connections.filter((connection) => connection.usable || connection.isSuspect);
    }
    const usable = this.#connections.filter((connection) => connection.usable);
    return usable.find((connection) => !connection.isFull) ?? usable[0];
  }

  #mayAdd(now: number): boolean {
    return this.#connections.length < MOST_CONNECTIONS && !isWithin(ADD_AGAIN_MS, this.#addFailedAt, now);
  }

  /** Another connection beside the full ones. If it cannot be made, the call waits for its turn on those. */
  async #oneMore(now: number, waiting: ConnectRequest | undefined): Promise<void> {
    try {
      await this.#dialer.dial(now, waiting);
    } catch (error) {
      if (this.#chosen() === undefined) throw error;
      this.#addFailedAt = this.#options.clock.now();
    }
  }

  #retire(connection: Http2Connection, reason: ConnectionEnd): void {
    connection.close(reason);
    this.#connections = this.#connections.filter((other) => other !== connection);
  }

  #stateOf(connection: Http2Connection, now: number): State {
    if (connection.isFull && this.#mayAdd(now)) return "full";
    const gap = now - this.#gap.seenUntil;
    // A negative gap: the clock was set back, which proves nothing of the connection.
    if (gap < 0 || gap > trustedGapMs) return "unseen";
    // One besides the newest may have been silent while that one was in use.
    const isNewest = connection === this.#connections[0];
    if (!isNewest && now - connection.heardAt >= this.#options.verifyAfterMs) return "unseen";
    return connection.liveness.verification === undefined ? "ready" : "verifying";
  }

  /** After a gap: what arrived during it is seen first. */
  async #checked(now: number, waiting: ConnectRequest | undefined): Promise<void> {
    await this.#gap.run();
    // What is past its use goes first, and is not missed: connections for more streams than one allows among it.
    for (const connection of this.#connections) {
      const reason = whyPastUse(connection, now, this.#options);
      if (reason !== undefined) this.#retire(connection, reason);
    }
    const current = this.#chosen();
    if (current === undefined) return this.#dialer.dial(this.#options.clock.now(), waiting);
    const verifying = verification(current, now, this.#options) !== undefined;
    if (verifying && waiting?.canRetry !== true) await this.#verified(current, waiting);
  }

  /** For a call that must not be sent twice: it waits until the server has answered the PING. */
  async #verified(current: Http2Connection, waiting: ConnectRequest | undefined): Promise<void> {
    await current.liveness.verification;
    if (!current.usable) await this.#dialer.dial(this.#options.clock.now(), waiting);
  }

  #retireOutdated(tls: TlsContext, now: number): void {
    tls.look(now);
    for (const connection of this.#connections) {
      if (isOutdated(connection, now, this.#options)) this.#retire(connection, "replaced");
    }
  }

  #connected(connection: Http2Connection): void {
    const now = this.#options.clock.now();
    for (const other of this.#connections) if (isReplaced(other, now)) this.#retire(other, "replaced");
    this.#connections.unshift(connection);
    this.#gap.seenUntil = now;
  }

  /** For a request that has begun: its connection was lost meanwhile, or the user's code did not call connect(). */
  async #dialHolding(): Promise<Http2Connection> {
    await this.#dialer.dialHolding();
    const connection = this.#chosen();
    if (connection === undefined) throw connectFailure(new Error("the connection was lost as soon as it was made"));
    return connection;
  }
}
