import { Code, ConnectError } from "@connectrpc/connect";
import type { FailureKind } from "./health.ts";

/** What became of an attempt that failed (docs/ARCHITECTURE.md, "Outcomes"). */
export type Outcome =
  /** It never left: no server can have processed it. `code` is the system's, without an address. */
  | { readonly kind: "not-sent"; readonly code: string }
  /** The server says that it did not process it (RFC 9113 section 8.7). */
  | { readonly kind: "refused" }
  /** It was sent, and the answer was lost or did not come in time: it may have been processed. */
  | { readonly kind: "ambiguous"; readonly cause: "stale" | "lost" | "timeout" | "proxy" | "unknown" }
  /** The server answered with an error. */
  | { readonly kind: "answered"; readonly code: Code }
  /** The caller aborted, its deadline passed, or its request is none that can be sent. */
  | { readonly kind: "caller"; readonly cause: "abort" | "deadline" | "request" };

/** What is known of the attempt besides its error. */
export interface AttemptContext {
  readonly signal: AbortSignal | undefined;
  /** The call's deadline has passed. */
  readonly deadlinePassed: boolean;
  /** The attempt's own limit has passed. */
  readonly attemptTimedOut: boolean;
  /** What the endpoint's transport said of errors. */
  readonly marks: {
    isNotSent(error: object): boolean;
    isStale(error: object): boolean;
  };
}

/**
 * Classifies an error by what is known exactly, in this order: our own state, the server's word, the marks of the
 * endpoint's transport, and only then the shape of the error. Codes alone cannot tell: a lost connection arrives as
 * Canceled, Aborted, Internal or Unknown, depending on where it broke.
 */
export function classify(error: unknown, context: AttemptContext): Outcome {
  if (context.signal?.aborted) return { kind: "caller", cause: "abort" };
  if (error instanceof ConnectError && error.isWireError) return { kind: "answered", code: error.code };
  const timedOut = error instanceof ConnectError && error.code === Code.DeadlineExceeded;
  if (timedOut && context.deadlinePassed) return { kind: "caller", cause: "deadline" };
  const chain = causes(error);
  if (chain.some((cause) => context.marks.isNotSent(cause))) return { kind: "not-sent", code: systemCode(chain) };
  if (chain.some((cause) => context.marks.isStale(cause))) return { kind: "ambiguous", cause: "stale" };
  if (timedOut)
    return context.attemptTimedOut ? { kind: "ambiguous", cause: "timeout" } : { kind: "caller", cause: "deadline" };
  if (chain.some(isBadRequest)) return { kind: "caller", cause: "request" };
  if (chain.some(isConnectPhase)) return { kind: "not-sent", code: systemCode(chain) };
  if (chain.some((cause) => /NGHTTP2_REFUSED_STREAM/.test(messageOf(cause)))) return { kind: "refused" };
  if (chain.some((cause) => isLost(cause))) return { kind: "ambiguous", cause: "lost" };
  if (error instanceof ConnectError && /^HTTP (429|502|503|504)$/.test(error.rawMessage)) {
    return { kind: "ambiguous", cause: "proxy" };
  }
  // What a client finds wrong by itself (a message over the limit, a response it cannot parse) is no server's failure.
  if (error instanceof ConnectError && error.code !== Code.Unknown) return { kind: "answered", code: error.code };
  return { kind: "ambiguous", cause: "unknown" };
}

/**
 * What became of the attempt lies in its connection: gRPC repeats such a call once without asking anybody
 * ("transparent retry", gRFC A6), because all calls on that connection share the fate, and a budget would save a few.
 */
export function isTransparent(outcome: Outcome): boolean {
  return outcome.kind === "refused" || (outcome.kind === "ambiguous" && outcome.cause === "stale");
}

/** What an outcome says about the endpoint's health; undefined if nothing. */
export function failureKind(outcome: Outcome): FailureKind | undefined {
  switch (outcome.kind) {
    case "not-sent":
      return "connect";
    case "refused":
      return "soft";
    case "ambiguous":
      // The network or a freeze took the connection, while nothing was asked of the server.
      if (outcome.cause === "stale") return undefined;
      // A restart loses every call under way at once; whether the server is gone, the next connection tells. What
      // cannot be told apart may be the fault of an interceptor.
      return outcome.cause === "lost" || outcome.cause === "unknown" ? "soft" : "answered";
    case "answered":
      if (outcome.code === Code.ResourceExhausted) return "soft";
      return FAILED_SERVER.has(outcome.code) ? "answered" : undefined;
    case "caller":
      return undefined;
  }
}

/** Codes by which a server says that it failed; the others are decisions of the application. */
const FAILED_SERVER: ReadonlySet<Code> = new Set([
  Code.Unavailable,
  Code.Internal,
  Code.Unknown,
  Code.DeadlineExceeded,
  Code.DataLoss,
]);

/** Errors that Node's TLS raises about the peer's certificate, before a request is sent. */
const CERTIFICATE_ERROR = /^(ERR_TLS_CERT_ALTNAME_INVALID|CERT_|UNABLE_TO_|SELF_SIGNED_CERT|DEPTH_ZERO_SELF_SIGNED)/;

/**
 * What a server's TLS says of the client's certificate. In TLS 1.3 it comes after the client's side of the handshake, so
 * the request may have left; but a server whose handshake failed has read none.
 */
const CERTIFICATE_ALERT =
  /^ERR_SSL_(TLSV1|TLSV13|SSLV3)_ALERT_(CERTIFICATE_(REQUIRED|UNKNOWN|EXPIRED|REVOKED)|BAD_CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)$/;

/** A TLS handshake that did not come to its end: a server that speaks plain text, or one that hung up. */
const HANDSHAKE_ERROR = /wrong version number|before secure TLS connection was established/;

function isConnectPhase(cause: unknown): boolean {
  const { syscall, code = "" } = systemError(cause);
  if (syscall === "connect" || syscall === "getaddrinfo") return true;
  if (CERTIFICATE_ERROR.test(code) || CERTIFICATE_ALERT.test(code)) return true;
  return code === "ERR_SSL_WRONG_VERSION_NUMBER" || HANDSHAKE_ERROR.test(messageOf(cause));
}

/** What Node says of headers that an interceptor of an attempt has set; another endpoint would take them no better. */
function isBadRequest(cause: unknown): boolean {
  return /^ERR_(HTTP2_INVALID_|HTTP2_HEADER_SINGLE_VALUE|INVALID_(CHAR|HTTP_TOKEN)$)/.test(
    systemError(cause).code ?? "",
  );
}

function isLost(cause: unknown): boolean {
  const { code, syscall } = systemError(cause);
  // Whatever the system says of a connection in use: ETIMEDOUT arrives as Unavailable, EHOSTUNREACH as Internal.
  if (syscall === "read" || syscall === "write") return true;
  if (code === "ECONNRESET" || code === "EPIPE" || code === "ERR_HTTP2_SESSION_ERROR" || code === "UND_ERR_SOCKET") {
    return true;
  }
  // connect-node maps a stream that closed with CANCEL, which a lost connection does, to the code for "the caller gave up".
  return /closed with error code CANCEL|socket hang up|ERR_HTTP2_STREAM_CANCEL/.test(`${messageOf(cause)} ${code}`);
}

/** The error, its causes, and what an AggregateError (several addresses) gathers. */
function causes(error: unknown): object[] {
  const chain: object[] = [];
  const pending = [error];
  // Bounded: a cause may point back at its error.
  while (pending.length > 0 && chain.length < 16) {
    const next = pending.shift();
    if (typeof next !== "object" || next === null || chain.includes(next)) continue;
    chain.push(next);
    if ("cause" in next) pending.push(next.cause);
    if ("errors" in next && Array.isArray(next.errors)) pending.push(...next.errors);
  }
  return chain;
}

function systemError(cause: unknown): { code?: string; syscall?: string } {
  const { code, syscall } = cause as { code?: unknown; syscall?: unknown };
  return {
    ...(typeof code === "string" ? { code } : {}),
    ...(typeof syscall === "string" ? { syscall } : {}),
  };
}

function systemCode(chain: readonly unknown[]): string {
  for (const cause of chain) {
    const { code } = systemError(cause);
    if (code !== undefined) return code;
  }
  return "connection failed";
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : "";
}
