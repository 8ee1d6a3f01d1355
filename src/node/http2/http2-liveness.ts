import type { ClientHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import { type Clock, timerMs } from "../../runtime.ts";
import { twoTurns } from "../event-loop.ts";
import type { RoundTrip } from "./round-trip.ts";

/**
 * grpc-go, gRPC C-core and grpc-java close with `too_many_pings` at the third PING without HEADERS or DATA of theirs
 * between, unless 5 minutes lie between them (grpc/proposal A8).
 */
const MOST_PINGS = 2;
const PINGS_APART_MS = 310_000;
/** A timer that is later than this was held up with its process. */
const LATE_MS = 50;

/** What a connection knows of its server. HEADERS and DATA set it; other signs of life are found here. */
export interface SignsOfLife {
  /**
   * When the last one came. Not when a call was last sent: on a connection that a middlebox forgot, calls that fail
   * must not keep it young.
   */
  heardAt: number;
  /** How many PINGs were sent since the server has sent HEADERS or DATA. */
  pings: number;
  readonly roundTrip: RoundTrip;
}

export interface LivenessOptions {
  readonly session: ClientHttp2Session;
  readonly socket: Socket;
  readonly clock: Clock;
  /** The server may be one of gRPC's own, which count PINGs. */
  readonly spacesPings: boolean;
}

/** Finds out whether the server of a connection is still there: by the bytes that its socket has moved, and by PING. */
export class Http2Liveness {
  /** The PING under way by which it is verified; undefined if there is none. */
  verification: Promise<boolean> | undefined = undefined;
  readonly #signs: SignsOfLife;
  readonly #options: LivenessOptions;
  #bytesRead = 0;
  #bytesWritten = 0;
  #bytesQueued = 0;
  #pingedAt = Number.NEGATIVE_INFINITY;

  constructor(signs: SignsOfLife, options: LivenessOptions) {
    this.#signs = signs;
    this.#options = options;
  }

  /**
   * Looks at the socket. Any byte that came since the last look is a sign of life, and so is one that left a full buffer,
   * because the other end has made room for it: a PING that stands behind a large upload is answered late.
   */
  look(): void {
    if (this.#hasMoved()) this.#signs.heardAt = this.#options.clock.now();
  }

  #hasMoved(): boolean {
    const { socket } = this.#options;
    const { bytesRead, bytesWritten } = socket;
    const bytesQueued = queuedIn(socket);
    const bytesLeft = this.#bytesQueued + (bytesWritten - this.#bytesWritten) - bytesQueued;
    // Without a queue the kernel takes what is written, also where nothing is at the other end.
    const hasMoved = bytesRead !== this.#bytesRead || (this.#bytesQueued > 0 && bytesLeft > 0);
    this.#bytesRead = bytesRead;
    this.#bytesWritten = bytesWritten;
    this.#bytesQueued = bytesQueued;
    return hasMoved;
  }

  /** When another PING is allowed. */
  get mayPingAt(): number {
    const { spacesPings } = this.#options;
    return spacesPings && this.#signs.pings >= MOST_PINGS ? this.#pingedAt + PINGS_APART_MS : Number.NEGATIVE_INFINITY;
  }

  /** Asks the server whether it is there, by one PING at a time. False if there was no sign of life in time. */
  verify(): Promise<boolean> {
    this.verification ??= this.#ping().finally(() => {
      this.verification = undefined;
    });
    return this.verification;
  }

  #ping(): Promise<boolean> {
    const { session, clock } = this.#options;
    const signs = this.#signs;
    const { heardAt, roundTrip } = signs;
    this.#hasMoved();
    const askedAt = clock.now();
    const limitMs = roundTrip.waitMs;
    signs.pings += 1;
    this.#pingedAt = askedAt;
    return new Promise((resolve) => {
      let isLate: boolean | undefined;
      const timer = setTimeout(() => {
        isLate = clock.now() - askedAt - limitMs >= LATE_MS;
        // The process may have been frozen: what arrived meanwhile has not been read yet.
        void twoTurns().then(() => {
          this.look();
          resolve(signs.heardAt !== heardAt);
        });
      }, timerMs(limitMs)).unref();
      const answered = (error: Error | null, durationMs: number): void => {
        clearTimeout(timer);
        if (error === null) {
          const now = clock.now();
          signs.heardAt = now;
          // A freeze is no part of a round trip; a long way is.
          if (!(isLate ?? now - askedAt - limitMs >= LATE_MS)) roundTrip.measured(durationMs);
        }
        resolve(error === null);
      };
      try {
        if (!session.ping(answered)) answered(new Error("too many PINGs under way"), 0);
      } catch (error) {
        answered(error as Error, 0);
      }
    });
  }
}

/**
 * Bytes that the kernel has not taken yet. Node's own timeouts look at the same number (lib/net.js, `_onTimeout`), for
 * which there is no public name.
 */
function queuedIn(socket: Socket): number {
  const { _handle } = socket as { readonly _handle?: { readonly writeQueueSize?: number } | null };
  return _handle?.writeQueueSize ?? 0;
}
