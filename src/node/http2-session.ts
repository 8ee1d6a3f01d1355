import type { ClientHttp2Stream, ClientSessionRequestOptions, OutgoingHttpHeaders } from "node:http2";
import type { ConnectionEnd, Waiting } from "../pool/endpoint-transport.ts";
import { recordFact } from "../resilience/failure-facts.ts";
import { isWithin } from "../runtime.ts";
import { connectFailure, endpointClosed } from "./connect-failure.ts";
import type { SessionManager } from "./connect-node.ts";
import type { Exchange, Exchanges } from "./exchange.ts";
import type { Http2Connection } from "./http2-connection.ts";
import { Http2Dialer, type Http2DialerOptions } from "./http2-dialer.ts";
import { endWithCredentials } from "./replaced-credentials.ts";
import type { SilentGap } from "./silent-gap.ts";
import type { TlsContext } from "./tls-context.ts";
import { trustedGapMs, twoTurns } from "./two-turns.ts";

/** How soon another one is tried again that could not be made. */
const ADD_AGAIN_MS = 5_000;

/** How soon a connection over its age is tried to be replaced again. */
const REPLACE_AGAIN_MS = 10_000;

/** A server that allows few streams gets more connections, for calls that no other endpoint has room for. */
const MOST_CONNECTIONS = 4;

export interface Http2SessionsOptions extends Omit<Http2DialerOptions, "maxAgeMs"> {
  /** The endpoint's URL; its path is not looked at. */
  readonly baseUrl: string;
  /** A connection unused for longer is replaced before the next call. */
  readonly idleMs: number;
  /** One unused for longer is asked by PING whether its server is still there. */
  readonly verifyAfterMs: number;
  /** One that is older is replaced, without a call waiting for that; Infinity for no limit. */
  readonly maxAgeMs: number;
  readonly random: () => number;
  /** Of all endpoints of the transport. */
  readonly silentGap: SilentGap;
  readonly exchanges: Exchanges;
}

/** What a stream begins with. */
interface StreamHead {
  readonly httpMethod: string;
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
}

/**
 * The HTTP/2 connections of one endpoint, and the face of them that connect-node's `sessionManager` option wants. A call
 * finds them in one of these states:
 *
 * - none: no connection takes calls. The call joins the one dial (`#dialer`), which it may begin.
 * - ready: the newest connection takes the call at once.
 * - checking (`#check`): the process did not look for `trustedGapMs`. Two turns of the event loop show what arrived.
 * - verifying (`liveness.verification`): nothing came for `verifyAfterMs`. A PING asks the server; a call that may be
 *   retried is sent along with it, any other waits for the answer.
 * - full: each connection has as many streams as its server allows. Another one is dialled, up to `MOST_CONNECTIONS`.
 *
 * A connection that is past its use, too old, or left by its server retires: it takes no more calls, and lives on by
 * itself until its streams have ended.
 *
 * Everything is decided in the call, by comparing clocks: no timer keeps a connection alive, checks it or closes it,
 * because timers do not run in a frozen process, and after the thaw they run too late.
 */
export class Http2Sessions implements SessionManager {
  /** The origin; connect-node insists that it equals the origin of each request. */
  readonly authority: string;
  readonly #options: Http2SessionsOptions;
  readonly #host: string;
  readonly #dialer: Http2Dialer;
  /** Those that take new streams, the newest first. */
  #connections: Http2Connection[] = [];
  #check: Promise<void> | undefined;
  /** When a call last looked: what arrived up to then has been seen. */
  #lookedAt = 0;
  #addFailedAt = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(options: Http2SessionsOptions) {
    const url = new URL(options.baseUrl);
    this.#options = options;
    this.authority = url.origin;
    this.#host = url.host;
    const { maxAgeMs: ageMs, random } = options;
    // Spread, so that connections made together do not all end together (gRPC servers' MAX_CONNECTION_AGE, too).
    const maxAgeMs = (): number => ageMs * (0.9 + 0.2 * random());
    this.#dialer = new Http2Dialer(url.origin, { ...options, maxAgeMs }, (connection) => this.#connected(connection));
  }

  /**
   * `undefined` if a call can be sent at once; else a promise for when it can, or for the reason why it cannot, and
   * then nothing was sent.
   *
   * @param waiting the call; without it, the dial goes on to its end.
   */
  connect(now: number, waiting?: Waiting): Promise<void> | undefined {
    if (this.#closed) return Promise.reject(connectFailure(endpointClosed()));
    if (this.#options.changingTls !== undefined) this.#leaveReplaced(this.#options.changingTls, now);
    const current = this.#chosen();
    if (current === undefined) return this.#dialled(now, waiting);
    if (current.isFull && this.#mayAdd(now)) return this.#oneMore(now, waiting);
    if (now > current.replaceAt) this.#replaceInBackground(current, now);
    const gap = now - this.#lookedAt;
    // A negative gap says nothing about the connection, only that the clock was set back.
    if (gap < 0 || gap > trustedGapMs || this.#isUnsure(current, now)) return this.#checked(now, waiting);
    this.#lookedAt = now;
    const { verification } = current.liveness;
    if (verification !== undefined && waiting?.repeatable !== true)
      return this.#verified(current, verification, waiting);
    return undefined;
  }

  /** Every connection carries as many calls as the server allows. */
  get isFull(): boolean {
    return this.#chosen()?.isFull === true;
  }

  /** The address that connected last. */
  get address(): string | undefined {
    return this.#dialer.address;
  }

  async request(
    method: string,
    path: string,
    headers: OutgoingHttpHeaders,
    options: Omit<ClientSessionRequestOptions, "signal">,
  ): Promise<ClientHttp2Stream> {
    return await this.open({ httpMethod: method, path, headers }, options, this.#options.exchanges.claim());
  }

  /**
   * Opens a stream: at once where there is a connection.
   *
   * @throws where the request was not sent; a promise rejects then.
   */
  open(
    request: StreamHead,
    options: ClientSessionRequestOptions,
    exchange: Exchange | undefined,
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
    { httpMethod, path, headers }: StreamHead,
    options: ClientSessionRequestOptions,
    exchange: Exchange | undefined,
  ): ClientHttp2Stream {
    try {
      // Node's own `:authority` lacks the brackets of an IPv6 address and shows default ports.
      const pseudo = { ":method": httpMethod, ":path": path, ":authority": this.#host };
      return connection.request({ ...headers, ...pseudo }, options, exchange);
    } catch (error) {
      // A TypeError is about the request itself (a `connection` header, for instance): no other endpoint would take it.
      recordFact(error, error instanceof TypeError ? "unsendable" : "not-sent");
      throw error;
    }
  }

  /** Bytes are noticed when they come, not when somebody reads them. */
  notifyResponseByteRead(): void {}

  /** No new calls. Running ones finish, then the connection closes. */
  close(): void {
    this.#closed = true;
    for (const connection of this.#connections) connection.close("closed");
    this.#connections = [];
    this.#dialer.abandon(endpointClosed());
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
  async #oneMore(now: number, waiting: Waiting | undefined): Promise<void> {
    try {
      await this.#dialled(now, waiting);
    } catch (error) {
      if (this.#chosen() === undefined) throw error;
      this.#addFailedAt = this.#options.clock.now();
    }
  }

  #retire(connection: Http2Connection, reason: ConnectionEnd): void {
    connection.close(reason);
    this.#connections = this.#connections.filter((other) => other !== connection);
  }

  /** One besides the newest may have been silent while that one was in use. */
  #isUnsure(connection: Http2Connection, now: number): boolean {
    return connection !== this.#connections[0] && now - connection.liveness.heardAt >= this.#options.verifyAfterMs;
  }

  /** After a gap: first see what arrived during it; one check for all calls that come meanwhile. */
  async #checked(now: number, waiting: Waiting | undefined): Promise<void> {
    this.#check ??= twoTurns().then(() => {
      this.#check = undefined;
      this.#lookedAt = this.#options.clock.now();
    });
    await this.#check;
    // What is past its use goes first, and is not missed: connections for more streams than one allows among it.
    for (const connection of this.#connections) {
      const reason = this.#whyPastUse(connection, now);
      if (reason !== undefined) this.#retire(connection, reason);
    }
    const current = this.#chosen();
    if (current === undefined) return this.#dialled(this.#options.clock.now(), waiting);
    const verification = this.#verification(current, now);
    if (verification !== undefined && waiting?.repeatable !== true)
      await this.#verified(current, verification, waiting);
  }

  /** Nothing has come for so long that a PING is not worth its while. */
  #whyPastUse({ liveness, inFlight }: Http2Connection, now: number): ConnectionEnd | undefined {
    const { idleMs, silentGap } = this.#options;
    // Load balancers drop idle connections, the first of them after 60 s, some without a word.
    if (inFlight === 0 && now - liveness.heardAt > idleMs) return "idle";
    return now < liveness.mayPingAt || silentGap.covers(liveness.heardAt, now) ? "silent" : undefined;
  }

  /** The PING by which the connection is verified; undefined if it need not be. */
  #verification(current: Http2Connection, now: number): Promise<boolean> | undefined {
    const { liveness } = current;
    const { verifyAfterMs, silentGap } = this.#options;
    if (liveness.verification !== undefined || now - liveness.heardAt < verifyAfterMs) return liveness.verification;
    const verification = liveness.verify();
    void verification.then((alive) => {
      if (alive) return;
      silentGap.foundSilent(now - verifyAfterMs, now);
      current.foundSilent();
    });
    return verification;
  }

  /** For a call that may not be repeated; one that may goes in the same flight as the PING. */
  async #verified(
    current: Http2Connection,
    verification: Promise<boolean>,
    waiting: Waiting | undefined,
  ): Promise<void> {
    await verification;
    if (!current.usable) await this.#dialled(this.#options.clock.now(), waiting);
  }

  /** Connections whose credentials were replaced on disk: another one takes their place in time, or they end without. */
  #leaveReplaced(tls: TlsContext, now: number): void {
    tls.look(now);
    const { maxAgeMs, random } = this.#options;
    for (const connection of this.#connections) {
      endWithCredentials(connection, now, maxAgeMs, random);
      if (now >= connection.retireAt) this.#retire(connection, "replaced");
    }
  }

  #replaceInBackground(connection: Http2Connection, now: number): void {
    // If it fails, the old connection goes on for a while.
    connection.replaceAt += REPLACE_AGAIN_MS;
    this.#dialer.dialInBackground(now);
  }

  #dialled(now: number, waiting: Waiting | undefined): Promise<void> {
    if (this.#closed) return Promise.reject(connectFailure(endpointClosed()));
    return this.#dialer.dial(now, waiting);
  }

  #connected(connection: Http2Connection): void {
    if (this.#closed) {
      connection.close("closed");
      return;
    }
    const now = this.#options.clock.now();
    // It takes the place of all but those that are in use to the full.
    for (const other of this.#connections) {
      const isDue = now > other.replaceAt - REPLACE_AGAIN_MS;
      if (!other.usable || !other.isFull || isDue) this.#retire(other, "replaced");
    }
    this.#connections.unshift(connection);
    this.#lookedAt = now;
  }

  /** For a call that is already on its way down, because its connection died meanwhile or nobody called connect(). */
  async #dialHolding(): Promise<Http2Connection> {
    if (this.#closed) throw connectFailure(endpointClosed());
    await this.#dialer.dialHolding();
    const connection = this.#chosen();
    if (connection === undefined) throw connectFailure(new Error("the connection was lost as soon as it was made"));
    return connection;
  }
}
