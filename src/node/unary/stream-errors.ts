import { Code, ConnectError } from "@connectrpc/connect";
import { causesOf } from "../../resilience/failure-facts.ts";

// The codes are those that connect-node gives: both paths of a call fail alike. What became of the request is a fact
// that its connection has recorded on the cause; the code decides nothing.

/** Node's codes of streams and sockets that broke, and of connections that could not be made. */
const CODES: ReadonlyMap<unknown, Code> = new Map([
  ["ERR_STREAM_DESTROYED", Code.Aborted],
  ["ERR_HTTP2_INVALID_STREAM", Code.Aborted],
  ["ECONNRESET", Code.Aborted],
  ["ETIMEDOUT", Code.Unavailable],
  ["ECONNREFUSED", Code.Unavailable],
]);

/** The error of a call whose stream failed, or could not be opened. */
export function errorOfStream(reason: unknown): ConnectError {
  if (reason instanceof ConnectError) return reason;
  let code = Code.Internal;
  for (const cause of causesOf(reason)) {
    const known = CODES.get((cause as NodeJS.ErrnoException).code);
    if (known === undefined) continue;
    code = known;
    break;
  }
  const error = ConnectError.from(reason, code);
  error.cause = reason;
  return error;
}

/**
 * The error of a call whose stream was closed without an error, before its response was complete. Its connection gives
 * each stream that breaks an error, so this is for what nobody knows of, and would leave the call without an end.
 */
export function errorOfReset(rstCode: number): ConnectError {
  const code = `0x${rstCode.toString(16)}`;
  return new ConnectError(`http/2 stream closed with error code ${code}`, Code.Internal);
}
