import { constants } from "node:http2";
import type { Socket } from "node:net";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Outcome } from "../../src/node.ts";
import { type FaultyRequest, rawSocket } from "../support/faulty-server.ts";

/** What each of the two methods comes to when the first server that it meets is the faulty one, and a good one is left. */
export interface Fault {
  readonly name: string;
  /** Default: both. */
  readonly versions?: readonly ("2" | "1.1")[];
  /** What the client meets that speaks TLS. Default: cleartext. */
  readonly tls?: "trusted" | "untrusted" | "wrong-name" | "plain-text";
  onConnection?(socket: Socket): boolean;
  onRequest?(request: FaultyRequest): void;
  /** The call's. Default: none. */
  readonly timeoutMs?: number;
  /** The outcome of the attempt at the faulty server; undefined if that succeeded. */
  readonly outcome: Outcome["kind"] | undefined;
  /** What the caller of an unknown and of an idempotent method sees. */
  readonly post: Code | "ok";
  readonly get: Code | "ok";
  /** How often the methods were read by the faulty server; the good one executes each that did not end there. */
  readonly requests: number;
}

const h2 = ["2"] as const;

const notSent = { outcome: "not-sent", post: "ok", get: "ok", requests: 0 } as const;
/** It may have been processed: only what may be repeated is. */
const lost = { outcome: "ambiguous", post: Code.Unavailable, get: "ok", requests: 1 } as const;
const refused = { outcome: "refused", post: "ok", get: "ok", requests: 1 } as const;

const reset = (stream: FaultyRequest["stream"], code: number): void => stream?.close(code);

function status(code: number) {
  return ({ response }: FaultyRequest): void => {
    response.statusCode = code;
    response.setHeader("content-type", "text/html");
    response.end("<html>a proxy says no</html>");
  };
}

/** Every way in which a connection or a server breaks, by phase (RFC 9113 sections 6.8, 7 and 8.7 for HTTP/2's own). */
export const FAULTS: readonly Fault[] = [
  { name: "RST at accept", onConnection: (socket) => socket.resetAndDestroy() !== undefined, ...notSent, versions: h2 },
  { name: "FIN at accept", onConnection: (socket) => socket.destroy() !== undefined, ...notSent, versions: h2 },
  {
    // The connection was made, so the request may have left. (After an RST it depends on which the client sees first.)
    name: "FIN at accept, HTTP/1.1",
    versions: ["1.1"],
    onConnection: (socket) => socket.destroy() !== undefined,
    ...lost,
    requests: 0,
  },
  { name: "TLS: an authority that is not trusted", tls: "untrusted", ...notSent },
  { name: "TLS: a certificate for another name", tls: "wrong-name", ...notSent },
  { name: "TLS: a server that speaks plain text", tls: "plain-text", ...notSent },
  {
    name: "TLS: FIN in the handshake",
    tls: "trusted",
    onConnection: (socket) => socket.once("data", () => socket.destroy()) !== undefined,
    ...notSent,
  },
  {
    name: "TLS: RST in the handshake",
    tls: "trusted",
    onConnection: (socket) => socket.once("data", () => socket.resetAndDestroy()) !== undefined,
    ...notSent,
  },
  {
    name: "RST after the request",
    onRequest: ({ socket, stream }) => rawSocket(socket, stream).resetAndDestroy(),
    ...lost,
  },
  { name: "FIN after the request", onRequest: ({ socket, stream }) => rawSocket(socket, stream).destroy(), ...lost },
  {
    name: "RST_STREAM REFUSED_STREAM",
    versions: h2,
    onRequest: ({ stream }) => reset(stream, constants.NGHTTP2_REFUSED_STREAM),
    ...refused,
  },
  {
    name: "RST_STREAM CANCEL",
    versions: h2,
    onRequest: ({ stream }) => reset(stream, constants.NGHTTP2_CANCEL),
    ...lost,
  },
  {
    name: "RST_STREAM INTERNAL_ERROR",
    versions: h2,
    onRequest: ({ stream }) => reset(stream, constants.NGHTTP2_INTERNAL_ERROR),
    outcome: "answered",
    post: Code.Internal,
    get: Code.Internal,
    requests: 1,
  },
  {
    name: "RST_STREAM ENHANCE_YOUR_CALM",
    versions: h2,
    onRequest: ({ stream }) => reset(stream, constants.NGHTTP2_ENHANCE_YOUR_CALM),
    outcome: "answered",
    post: Code.Internal,
    get: Code.Internal,
    requests: 1,
  },
  {
    // connect-es #1108: a call without a deadline would wait for ever.
    name: "RST_STREAM NO_ERROR without a response",
    versions: h2,
    onRequest: ({ stream }) => reset(stream, constants.NGHTTP2_NO_ERROR),
    outcome: "answered",
    post: Code.Internal,
    get: Code.Internal,
    requests: 1,
  },
  {
    name: "GOAWAY NO_ERROR that does not cover the request",
    versions: h2,
    // Node's own goaway() takes 0 for "as far as I have come".
    onRequest: ({ stream, socket }) =>
      rawSocket(socket, stream).write(Buffer.from("0000080700000000000000000000000000", "hex")),
    ...refused,
  },
  {
    name: "GOAWAY NO_ERROR that covers the request, which is answered",
    versions: h2,
    onRequest: ({ stream, answer }) => {
      stream?.session?.goaway(constants.NGHTTP2_NO_ERROR, stream.id);
      answer();
    },
    outcome: undefined,
    post: "ok",
    get: "ok",
    requests: 1,
  },
  {
    name: "GOAWAY NO_ERROR that covers the request, then FIN",
    versions: h2,
    onRequest: ({ stream, socket }) => {
      stream?.session?.goaway(constants.NGHTTP2_NO_ERROR, stream.id);
      setImmediate(() => rawSocket(socket, stream).destroy());
    },
    ...lost,
  },
  {
    name: "GOAWAY with an error code",
    versions: h2,
    onRequest: ({ stream }) => stream?.session?.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, stream.id),
    ...lost,
  },
  { name: "HTTP 429", onRequest: status(429), ...lost },
  { name: "HTTP 502", onRequest: status(502), ...lost },
  { name: "HTTP 503", onRequest: status(503), ...lost },
  { name: "HTTP 504", onRequest: status(504), ...lost },
  {
    name: "no answer within the deadline",
    onRequest: () => {},
    timeoutMs: 400,
    outcome: "caller",
    post: Code.DeadlineExceeded,
    get: Code.DeadlineExceeded,
    requests: 1,
  },
];

/** What the caller's abort makes of a call, by the reason that it gives. */
export const ABORTS: readonly (readonly [string, unknown, Code, string])[] = [
  ["abort()", undefined, Code.Canceled, "This operation was aborted"],
  ["abort(new Error())", new Error("the user left"), Code.Canceled, "the user left"],
  ["abort(new ConnectError())", new ConnectError("full", Code.Unavailable), Code.Unavailable, "full"],
];
