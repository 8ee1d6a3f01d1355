import { Code, ConnectError } from "@connectrpc/connect";

/**
 * The error of a call whose connection could not be made. Node's own message names addresses, which handlers would
 * forward to their clients; so only its code is in the message, and the whole of it in `cause`.
 */
export function connectFailure(cause: unknown): ConnectError {
  const code = cause instanceof Error && "code" in cause && typeof cause.code === "string" ? ` (${cause.code})` : "";
  return new ConnectError(`could not connect${code}`, Code.Unavailable, undefined, undefined, cause);
}

/** The endpoint is no longer used, so no connection is made. */
export function endpointClosed(): Error {
  return connectError("the transport of this endpoint is closed", "ECONNABORTED");
}

/** In the shape of the kernel's own error, so that what looks at `code` and `syscall` sees what happened. */
export function connectError(message: string, code: string): Error {
  return Object.assign(new Error(message), { code, syscall: "connect" });
}
