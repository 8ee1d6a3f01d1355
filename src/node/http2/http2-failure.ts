import type { ClientHttp2Stream, OutgoingHttpHeaders } from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";
import { type FailureFact, factAmong, recordFact } from "../../resilience/failure-facts.ts";
import { resetFor } from "./header-size.ts";
import { Http2Code } from "./http2-codes.ts";

/** What is known of a stream when it is over. */
export interface StreamEnd {
  /** Headers have come for it: those of an interim response (103, for instance) or of its response. */
  readonly hasBegun: boolean;
  /** The headers of its response have come. */
  readonly hasResponse: boolean;
  /** The connection goes on without it. */
  readonly hasConnection: boolean;
  /** It was not processed, by the server's GOAWAY. */
  readonly isLeftOut: boolean;
  /** The server has sent a GOAWAY. */
  readonly isLeaving: boolean;
  /** It was opened while a PING asked whether anything is at the other end. */
  readonly isDoubted: boolean;
  /** The request's. */
  readonly headers: OutgoingHttpHeaders;
}

/**
 * The error of a stream that is over, with what is known of it; undefined if it ended well, or was ended by the client
 * without an error.
 */
export function failureOfStream(
  stream: ClientHttp2Stream,
  reason: Error | undefined,
  end: StreamEnd,
): Error | undefined {
  // Ended from here, with a known reason.
  if (factAmong([reason ?? {}]) !== undefined) return reason;
  const fact = factOf(stream, reason, end);
  if (fact !== undefined) {
    const error = reason === undefined ? lostConnection() : errorOfItsOwn(reason);
    recordFact(error, fact);
    return error;
  }
  if (end.hasResponse) return reason;
  if (reason === undefined && stream.rstCode !== Http2Code.NO_ERROR) return undefined;
  const forHeaders = OF_HEADERS.has(stream.rstCode) ? resetFor(end.headers, reason) : undefined;
  if (forHeaders !== undefined) return forHeaders;
  // connect-node takes NO_ERROR for a good end, also without any response, and the call would wait for ever
  // (connect-es #1108). gRPC maps it to INTERNAL.
  const error = reason ?? new ConnectError("http/2 stream closed without a response", Code.Internal);
  recordFact(error, "reset");
  return error;
}

/** How servers reset a request whose headers are too large or too many: Node's, grpc-go's. */
const OF_HEADERS: ReadonlySet<number> = new Set([Http2Code.ENHANCE_YOUR_CALM, Http2Code.FRAME_SIZE_ERROR]);

function factOf(
  stream: ClientHttp2Stream,
  reason: Error | undefined,
  { hasBegun, hasConnection, isLeftOut, isLeaving, isDoubted }: StreamEnd,
): FailureFact | undefined {
  const { rstCode } = stream;
  if (hasBegun) {
    // A response that has begun is a commitment: nothing that comes later can mean that the request was not processed.
    const isCut = rstCode === Http2Code.CANCEL || rstCode === Http2Code.REFUSED_STREAM;
    return isCut || isLeftOut || (reason !== undefined && !hasConnection) ? "lost" : undefined;
  }
  // It waited for the server to allow another stream, or for its turn to be written.
  if (stream.pending) return "not-sent";
  if (isLeftOut) return "left-out";
  // Node closes the streams of a session with the code of its GOAWAY, which does not concern those below the last ID.
  if (!hasConnection) return isDoubted ? "stale" : "lost";
  if (rstCode === Http2Code.REFUSED_STREAM) return isLeaving ? "left-out" : "refused";
  return rstCode === Http2Code.CANCEL ? "lost" : undefined;
}

/** Ends a stream that the client no longer wants, at once, because the server that would confirm it may be gone. */
export function cancelStream(stream: ClientHttp2Stream, reason: Error): void {
  // The code first: destroy() alone would send INTERNAL_ERROR, which servers count as one.
  stream.close(Http2Code.CANCEL);
  stream.destroy(reason);
}

/** In the shape of the kernel's own error: the request was sent, and what became of it is not known. */
export function lostConnection(): Error {
  return Object.assign(new Error("the server no longer answers"), { code: "ECONNRESET", syscall: "read" });
}

function errorOfItsOwn(reason: Error): Error {
  const { code, syscall } = reason as NodeJS.ErrnoException;
  const own = new Error(reason.message, { cause: reason });
  return Object.assign(own, { ...(code !== undefined && { code }), ...(syscall !== undefined && { syscall }) });
}
