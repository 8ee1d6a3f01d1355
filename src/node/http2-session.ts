import type { ClientHttp2Stream, ClientSessionRequestOptions, OutgoingHttpHeaders } from "node:http2";
import type { GrpcTransportOptions } from "@connectrpc/connect-node";
import type { Waiting } from "../pool/endpoint-transport.ts";
import type { Clock } from "../runtime.ts";
import type { Destination } from "./address.ts";
import { connectFailure, connectTimeout, endpointClosed } from "./connect-failure.ts";
import type { Http2Connection } from "./http2-connection.ts";
import { dialHttp2, type Http2Dial } from "./http2-dial.ts";
import type { SilentGap } from "./silent-gap.ts";
import { trustedGapMs, twoTurns } from "./two-turns.ts";

/** What connect-node wants; it exports the type under no name. */
type SessionManager = NonNullable<GrpcTransportOptions["sessionManager"]>;

/** How soon a connection over its age is tried to be replaced again. */
const REPLACE_AGAIN_MS = 10_000;

export interface Http2SessionsOptions {
  /** The endpoint's URL; its path is not looked at. */
  readonly baseUrl: string;
  readonly destination: Destination;
  readonly connectTimeoutMs: number;
  /** A connection unused for longer is replaced before the next call. */
  readonly idleMs: number;
  /** One unused for longer is asked by PING whether its server is still there. */
  readonly verifyAfterMs: number;
  /** One that is older is replaced, without a call waiting for that; Infinity for no limit. */
  readonly maxAgeMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  /** Of all endpoints of the transport. */
  readonly silentGap: SilentGap;
  mayRepeat(path: string, besides: number): boolean;
  markNotSent(error: unknown): void;
  markStale(error: unknown): void;
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
  #current: Http2Connection | undefined;
  #dial: Http2Dial | undefined;
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
    try {
      const connection = this.#usable() ?? (await this.#dialHolding());
      // Node's own `:authority` lacks the brackets of an IPv6 address and shows default ports.
      const pseudo = { ":method": method, ":path": path, ":authority": this.#host };
      return connection.request({ ...headers, ...pseudo }, options);
    } catch (error) {
      // A TypeError is about the request itself (a `connection` header, for instance): no other endpoint would take it.
      if (!(error instanceof TypeError)) this.#options.markNotSent(error);
      throw error;
    }
  }

  notifyResponseByteRead(stream: ClientHttp2Stream): void {
    this.#current?.heard(stream);
  }

  /** No new calls. Running ones finish, then the connection closes. */
  close(): void {
    this.#closed = true;
    this.#retire();
    this.#dial?.abandon(endpointClosed());
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
    return !liveness.canVerify || silentGap.covers(liveness.heardAt, now);
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
      current.condemn();
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
    this.#sharedDial(now).join();
  }

  #dialled(now: number, waiting: Waiting | undefined): Promise<void> {
    if (this.#closed) return Promise.reject(connectFailure(endpointClosed()));
    const dial = this.#sharedDial(now);
    dial.join(waiting?.signal);
    // Each waiting call gets an error object of its own: what is noted about one must not show on another.
    return dial.connection.then(
      () => {},
      (error) => {
        throw connectFailure(error);
      },
    );
  }

  #sharedDial(now: number): Http2Dial {
    const { connectTimeoutMs, destination, clock } = this.#options;
    // The dial's own timer may not have run: this is the first call after a freeze.
    if (this.#dial !== undefined && now - this.#dial.startedAt > connectTimeoutMs) {
      this.#dial.abandon(connectTimeout(connectTimeoutMs));
      this.#dial = undefined;
    }
    if (this.#dial !== undefined) return this.#dial;
    const dial = dialHttp2(this.authority, destination, connectTimeoutMs, this.#options);
    this.#dial = dial;
    dial.connection.then(
      (connection) => {
        if (this.#dial === dial) this.#dial = undefined;
        if (this.#closed) {
          connection.close();
          return;
        }
        this.#retire();
        this.#current = connection;
        // Spread, so that connections made together do not all end together (gRPC servers' MAX_CONNECTION_AGE, too).
        this.#maxAgeMs = this.#options.maxAgeMs * (0.9 + 0.2 * this.#options.random());
        this.#lookedAt = clock.now();
      },
      () => {
        if (this.#dial === dial) this.#dial = undefined;
      },
    );
    return dial;
  }

  /**
   * For a call that is already on its way down, because its connection died meanwhile or because nobody called
   * connect(). Nobody else limits this wait or holds the process for it, so its timer does both.
   */
  async #dialHolding(): Promise<Http2Connection> {
    const { clock, connectTimeoutMs } = this.#options;
    const giveUp = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(connectFailure(connectTimeout(connectTimeoutMs)));
        giveUp.abort();
      }, connectTimeoutMs);
    });
    try {
      const waiting = { signal: giveUp.signal, repeatable: true };
      await Promise.race([this.#dialled(clock.now(), waiting), late]);
    } finally {
      clearTimeout(timer);
    }
    const connection = this.#usable();
    if (connection === undefined) throw connectFailure(new Error("the connection was lost as soon as it was made"));
    return connection;
  }
}
