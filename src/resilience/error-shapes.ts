/**
 * What errors look like, for transports that record no facts: users' own, over connect-node or fetch. Never applied to
 * what an interceptor threw, whose own fetch fails in the same shapes.
 */

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

/** Whether the system or its TLS library raised it, rather than code above them. */
export function isSystemError(error: unknown): boolean {
  return error instanceof Error && systemError(error).syscall !== undefined;
}

/** Whether the server's TLS refused the client's certificate. */
export function isCertificateAlert(error: object): boolean {
  return CERTIFICATE_ALERT.test(systemError(error).code ?? "");
}

/** Whether the connection failed before a request could be sent on it. */
export function isConnectPhase(error: object): boolean {
  const { syscall, code = "", message } = systemError(error);
  if (syscall === "connect" || syscall === "getaddrinfo") return true;
  if (CERTIFICATE_ERROR.test(code) || isCertificateAlert(error)) return true;
  return code === "ERR_SSL_WRONG_VERSION_NUMBER" || HANDSHAKE_ERROR.test(message);
}

/** Whether the server refused the HTTP/2 stream. */
export function isRefused(error: object): boolean {
  return /NGHTTP2_REFUSED_STREAM/.test(systemError(error).message);
}

/** What Node says of headers; another endpoint would take them no better. */
export function isBadRequest(error: object): boolean {
  return /^ERR_(HTTP2_INVALID_|HTTP2_HEADER_SINGLE_VALUE|INVALID_(CHAR|HTTP_TOKEN)$)/.test(
    systemError(error).code ?? "",
  );
}

/** Whether a connection in use broke. */
export function isLost(error: object): boolean {
  const { code, syscall, message } = systemError(error);
  // Whatever the system says of a connection in use: ETIMEDOUT arrives as Unavailable, EHOSTUNREACH as Internal.
  if (syscall === "read" || syscall === "write") return true;
  if (code === "ECONNRESET" || code === "EPIPE" || code === "ERR_HTTP2_SESSION_ERROR" || code === "UND_ERR_SOCKET") {
    return true;
  }
  // connect-node maps a stream that closed with CANCEL, which a lost connection does, to the code for "the caller gave up".
  return /closed with error code CANCEL|socket hang up|ERR_HTTP2_STREAM_CANCEL/.test(`${message} ${code}`);
}

/** The system's code of the first error that has one; for messages, because it names no address. */
export function systemCodeAmong(errors: readonly object[]): string {
  for (const error of errors) {
    const { code } = systemError(error);
    if (code !== undefined) return code;
  }
  return "connection failed";
}

/** What errors of Node and of the system have. */
export interface SystemError {
  readonly code?: string;
  readonly syscall?: string;
  readonly message: string;
}

/** Getters of a user's error may throw. */
export function systemError(error: object): SystemError {
  try {
    const { code, syscall, message } = error as Readonly<Record<string, unknown>>;
    return {
      ...(typeof code === "string" && { code }),
      ...(typeof syscall === "string" && { syscall }),
      message: error instanceof Error && typeof message === "string" ? message : "",
    };
  } catch {
    return { message: "" };
  }
}

/** A member of a value that may be anything; undefined where it has none. */
export function memberOf(value: unknown, name: string): unknown {
  try {
    return (value as Readonly<Record<string, unknown>> | null | undefined)?.[name];
  } catch {
    return undefined;
  }
}
