// resilience/ turns facts into decisions: what became of an attempt, whether its call is retried, what a retry costs,
// how long to wait. `policies.ts` is the one seam to cockatiel. It must not know of endpoints or calls: it gets
// values, and returns values.

import { Code, ConnectError } from "@connectrpc/connect";
import { isBadRequest, isConnectPhase, isLost, isRefused, systemCodeAmong } from "./error-shapes.ts";
import { causesOf, factAmong } from "./failure-facts.ts";

/** What became of an attempt that failed (docs/ARCHITECTURE.md, "Outcomes"). */
export type Outcome =
  /** It never left: no server can have processed it. */
  | {
      readonly kind: "not-sent";
      /** The system's, such as "ECONNREFUSED", without an address. */
      readonly code: string;
    }
  /** The server says that it did not process it (RFC 9113 section 8.7). */
  | {
      readonly kind: "refused";
      /** Because it is going away. */
      readonly leaving: boolean;
    }
  /** It was sent, and may have been processed. */
  | {
      readonly kind: "ambiguous";
      /**
       * The answer was lost (on a connection that idleness or a freeze had ended: "stale"), did not come in time, or
       * came from something else than a handler ("proxy", "foreign": another program at that address).
       */
      readonly cause: "stale" | "lost" | "timeout" | "proxy" | "foreign" | "unknown";
    }
  /** The server answered with an error. */
  | {
      readonly kind: "answered";
      /** The server's. */
      readonly code: Code;
    }
  /** It says nothing of the endpoint. */
  | {
      readonly kind: "caller";
      /**
       * The caller aborted, its deadline passed, the request would fail at any server ("request"), or an interceptor of
       * an attempt threw.
       */
      readonly cause: "abort" | "deadline" | "request" | "interceptor";
    };

/** What is known of the attempt besides its error. */
export interface OutcomeContext {
  /** The call's. */
  readonly signal: AbortSignal | undefined;
  /** The call's deadline has passed. */
  readonly deadlinePassed: boolean;
  /** The attempt's own limit has passed. */
  readonly attemptTimedOut: boolean;
  /** Code of the user's threw the error, and not because the endpoint's transport failed. */
  readonly thrownBy: "interceptor" | "request" | undefined;
  /**
   * The endpoint's transport records a fact for each request that was not sent, or refused: an error without one is
   * neither, whatever it looks like. False for users' own transports.
   */
  readonly recordsFacts: boolean;
}

/**
 * Classifies an error by what is known exactly, in this order: our own state, the server's word, the facts that the
 * endpoint's connection recorded, and only then the shape of the error. Codes alone cannot tell: a lost connection
 * arrives as Canceled, Aborted, Internal or Unknown, depending on where it broke.
 */
export function classify(error: unknown, context: OutcomeContext): Outcome {
  const { signal, deadlinePassed, attemptTimedOut } = context;
  if (signal?.aborted) return { kind: "caller", cause: isDeadline(signal.reason) ? "deadline" : "abort" };
  const isWireError = error instanceof ConnectError && error.isWireError;
  const timedOut = error instanceof ConnectError && error.code === Code.DeadlineExceeded && !isWireError;
  if (timedOut && deadlinePassed) return { kind: "caller", cause: "deadline" };
  if (context.thrownBy !== undefined) return { kind: "caller", cause: context.thrownBy };
  if (isWireError) return { kind: "answered", code: error.code };
  const chain = causesOf(error);
  switch (factAmong(chain)) {
    case "not-sent":
      return { kind: "not-sent", code: systemCodeAmong(chain) };
    case "refused":
      return { kind: "refused", leaving: false };
    case "left-out":
      return { kind: "refused", leaving: true };
    case "stale":
      return { kind: "ambiguous", cause: "stale" };
    case "lost":
      return { kind: "ambiguous", cause: "lost" };
    case "foreign":
      return { kind: "ambiguous", cause: "foreign" };
    case "unsendable":
      return { kind: "caller", cause: "request" };
    case "reset":
      return { kind: "answered", code: error instanceof ConnectError ? error.code : Code.Internal };
  }
  if (timedOut)
    return attemptTimedOut ? { kind: "ambiguous", cause: "timeout" } : { kind: "caller", cause: "deadline" };
  if (chain.some(isBadRequest)) return { kind: "caller", cause: "request" };
  if (!context.recordsFacts) {
    if (chain.some(isConnectPhase)) return { kind: "not-sent", code: systemCodeAmong(chain) };
    if (chain.some(isRefused)) return { kind: "refused", leaving: false };
  }
  if (chain.some(isLost)) return { kind: "ambiguous", cause: "lost" };
  if (!(error instanceof ConnectError)) return { kind: "ambiguous", cause: "unknown" };
  const status = httpStatusOf(error);
  if (status !== undefined) return answeredByHttp(status, error.code);
  // Found by the client: a response over the caller's own limit, or one that cannot be parsed.
  if (error.code === Code.ResourceExhausted) return { kind: "caller", cause: "request" };
  if (error.code !== Code.Unknown) return { kind: "answered", code: error.code };
  return { kind: "ambiguous", cause: "unknown" };
}

/** Whether an abort is a deadline that somebody else keeps: `AbortSignal.timeout()`, or Connect's own. */
export function isDeadline(reason: unknown): boolean {
  if (reason instanceof ConnectError) return reason.code === Code.DeadlineExceeded;
  return reason instanceof Error && reason.name === "TimeoutError";
}

/** connect-es has no field for the status of an answer that is not Connect's or gRPC's; it is the whole message. */
export function httpStatusOf(error: ConnectError): number | undefined {
  const match = /^HTTP ([1-9]\d\d)$/.exec(error.rawMessage);
  return match === null ? undefined : Number(match[1]);
}

/** Statuses of 4xx that are about the moment (RFC 9110 section 15.5.9, RFC 8470 section 5.2, RFC 6585 section 4). */
const PASSING_STATUSES: ReadonlySet<number> = new Set([408, 425, 429]);

/** What a handler would answer: a proxy, or another program, has its routes and permissions too. */
const HANDLER_STATUSES: ReadonlySet<number> = new Set([401, 403, 404]);

/**
 * An HTTP answer that is not from a Connect or gRPC handler. A redirect or a refusal of the request (413, 431) would
 * come from any server.
 */
function answeredByHttp(status: number, code: Code): Outcome {
  if (status >= 500 || PASSING_STATUSES.has(status)) return { kind: "ambiguous", cause: "proxy" };
  if (HANDLER_STATUSES.has(status)) return { kind: "answered", code };
  if (status >= 300) return { kind: "caller", cause: "request" };
  return { kind: "ambiguous", cause: "unknown" };
}

/**
 * What became of the attempt lies in its connection: gRPC repeats such a call once without asking anybody
 * ("transparent retry", gRFC A6), because all calls on that connection share the fate, and a budget would save a few.
 */
export function isTransparent(outcome: Outcome): boolean {
  return outcome.kind === "refused" || (outcome.kind === "ambiguous" && outcome.cause === "stale");
}

/** What an attempt's failure says about the endpoint. */
export type FailureKind =
  /** A new connection could not be made: enough by itself to eject. */
  | "connect"
  /** The same, and its host said so at once: nobody listens there, for the moment. */
  | "refused"
  /** The server answered with a failure, or not in time. */
  | "answered"
  /** Told of the service's load or a connection's end, not of the server's health: counts to the ratio, not to the row. */
  | "soft";

/** No connection could be made. */
export function isUnreachable(kind: FailureKind): boolean {
  return kind === "connect" || kind === "refused";
}

/** What an outcome says about the endpoint's health; undefined if nothing. */
export function failureKind(outcome: Outcome): FailureKind | undefined {
  switch (outcome.kind) {
    case "not-sent":
      if (LOCAL.has(outcome.code)) return undefined;
      return outcome.code === "ECONNREFUSED" ? "refused" : "connect";
    case "refused":
      // A server that shuts down is as well as before; whether it is gone, the next connection tells.
      return outcome.leaving ? undefined : "soft";
    case "ambiguous":
      // The network or a freeze took the connection, while nothing was asked of the server.
      if (outcome.cause === "stale") return undefined;
      // A restart loses every call under way at once; whether the server is gone, the next connection tells. What
      // cannot be told apart may be the fault of an interceptor.
      return outcome.cause === "timeout" || outcome.cause === "proxy" ? "answered" : "soft";
    case "answered":
      if (outcome.code === Code.ResourceExhausted) return "soft";
      return FAILED_SERVER.has(outcome.code) ? "answered" : undefined;
    case "caller":
      return undefined;
  }
}

/** This process or its host had no file, port, buffer or memory left: that says nothing of the server. */
const LOCAL: ReadonlySet<string> = new Set([
  "EMFILE",
  "ENFILE",
  "ENOBUFS",
  "ENOMEM",
  "EADDRNOTAVAIL",
  "EACCES",
  "EPERM",
]);

/** Codes by which a server says that it failed; the others are decisions of the application. */
const FAILED_SERVER: ReadonlySet<Code> = new Set([
  Code.Unavailable,
  Code.Internal,
  Code.Unknown,
  Code.DeadlineExceeded,
  Code.DataLoss,
]);
