import type { ClientHttp2Stream, ClientSessionRequestOptions, OutgoingHttpHeaders } from "node:http2";
import type { GrpcTransportOptions } from "@connectrpc/connect-node";
import type { Waiting } from "../pool/endpoint-transport.ts";
import { recordFact } from "../resilience/failure-facts.ts";
import { connectFailure, endpointClosed } from "./connect-failure.ts";
import type { Exchanges } from "./exchange.ts";
import type { Http2Connection } from "./http2-connection.ts";
import { Http2Dialer, type Http2DialerOptions } from "./http2-dialer.ts";
import type { SilentGap } from "./silent-gap.ts";
import { trustedGapMs, twoTurns } from "./two-turns.ts";

/** What connect-node wants; it exports the type under no name. */
type SessionManager = NonNullable<GrpcTransportOptions["sessionManager"]>;

/** How soon a connection over its age is tried to be replaced again. */
const REPLACE_AGAIN_MS = 10_000;

export interface Http2SessionsOptions extends Http2DialerOptions {
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

/**
 * The HTTP/2 connection of one endpoint, and the face of it that connect-node's `sessionManager` option wants. At most
 * one connection takes new streams; those that a GOAWAY or an age limit retired live on by themselves until their
 * streams have ended.
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
  #current: Http2Connection | undefined;
  #check: Promise<void> | undefined;
  /** The age limit of the current connection. */
  #maxAgeMs = Number.POSITIVE_INFINITY;
  /** When a call last looked: what arrived up to then has been seen. */
  #lookedAt = 0;
  #closed = false;

  constructor(options: Http2SessionsOptions) {
    const url = new URL(options.baseUrl);
    this.#options = options;
    this.authority = url.origin;
    this.#host = url.host;
    this.#dialer = new Http2Dialer(url.origin, options, (connection) => this.#connected(connection));
  }

  /**
   * `undefined` if a call can be sent at once; else a promise for when it can, or for the reason why it cannot, and
   * then nothing was sent.
   *
   * @param waiting the call; without it, the dial goes on to its end.
   */
  connect(now: number, waiting?: Waiting): Promise<void> | undefined {
    if (this.#closed) return Promise.reject(connectFailure(endpointClosed()));
    const current = this.#usable();
    if (current !== undefined) {
      const gap = now - this.#lookedAt;
      // A negative gap says nothing about the connection, only that the clock was set back.
      if (gap < 0 || gap > trustedGapMs) return this.#checked(now, waiting);
      this.#lookedAt = now;
      const { verification } = current.liveness;
      if (verification !== undefined && waiting?.repeatable !== true)
        return this.#verified(current, verification, waiting);
      if (now - current.bornAt > this.#maxAgeMs) this.#replaceInBackground(now);
      return undefined;
    }
    return this.#dialled(now, waiting);
  }

  async request(
    method: string,
    path: string,
    headers: OutgoingHttpHeaders,
    options: Omit<ClientSessionRequestOptions, "signal">,
  ): Promise<ClientHttp2Stream> {
    const exchange = this.#options.exchanges.claim();
    try {
      const connection = this.#usable() ?? (await this.#dialHolding());
      // Node's own `:authority` lacks the brackets of an IPv6 address and shows default ports.
      const pseudo = { ":method": method, ":path": path, ":authority": this.#host };
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
    this.#retire();
    this.#dialer.abandon(endpointClosed());
  }

  #usable(): Http2Connection | undefined {
    return this.#current?.usable ? this.#current : undefined;
  }

  #retire(): void {
    this.#current?.close();
    this.#current = undefined;
  }

  /** After a gap: first see what arrived during it; one check for all calls that come meanwhile. */
  async #checked(now: number, waiting: Waiting | undefined): Promise<void> {
    this.#check ??= twoTurns().then(() => {
      this.#check = undefined;
      this.#lookedAt = this.#options.clock.now();
    });
    await this.#check;
    const current = this.#usable();
    if (current === undefined) return this.#dialled(this.#options.clock.now(), waiting);
    if (this.#isPastUse(current, now)) {
      this.#retire();
      return this.#dialled(this.#options.clock.now(), waiting);
    }
    const verification = this.#verification(current, now);
    if (verification !== undefined && waiting?.repeatable !== true)
      await this.#verified(current, verification, waiting);
  }

  /** Nothing has come for so long that a PING is not worth its while. */
  #isPastUse({ liveness, inFlight }: Http2Connection, now: number): boolean {
    const { idleMs, silentGap } = this.#options;
    // Load balancers drop idle connections, the first of them after 60 s, some without a word.
    if (inFlight === 0 && now - liveness.heardAt > idleMs) return true;
    return now < liveness.mayPingAt || silentGap.covers(liveness.heardAt, now);
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

  #replaceInBackground(now: number): void {
    // If it fails, the old connection goes on for a while.
    this.#maxAgeMs += REPLACE_AGAIN_MS;
    this.#dialer.dialInBackground(now);
  }

  #dialled(now: number, waiting: Waiting | undefined): Promise<void> {
    if (this.#closed) return Promise.reject(connectFailure(endpointClosed()));
    return this.#dialer.dial(now, waiting);
  }

  #connected(connection: Http2Connection): void {
    if (this.#closed) {
      connection.close();
      return;
    }
    const { maxAgeMs, random, clock } = this.#options;
    this.#retire();
    this.#current = connection;
    // Spread, so that connections made together do not all end together (gRPC servers' MAX_CONNECTION_AGE, too).
    this.#maxAgeMs = maxAgeMs * (0.9 + 0.2 * random());
    this.#lookedAt = clock.now();
  }

  /** For a call that is already on its way down, because its connection died meanwhile or nobody called connect(). */
  async #dialHolding(): Promise<Http2Connection> {
    if (this.#closed) throw connectFailure(endpointClosed());
    await this.#dialer.dialHolding();
    const connection = this.#usable();
    if (connection === undefined) throw connectFailure(new Error("the connection was lost as soon as it was made"));
    return connection;
  }
}
