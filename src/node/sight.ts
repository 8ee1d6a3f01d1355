import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Sight } from "../resilience/connection-hints.ts";
import { memberOf, systemError } from "../resilience/error-shapes.ts";

// What a connection has seen of a server that it could not be used with.

/** What is known of the server besides. */
export interface SightOptions {
  /** TLS is on, with a client certificate or without. */
  readonly tls: { readonly cert?: unknown } | false;
  /** A handler has answered at that endpoint before: nothing is wrong with what is spoken there. */
  readonly isKnown: boolean;
}

/** An alert of TLS in its record (RFC 8446 sections 5.1 and 6). A frame of HTTP/2 has 9 bytes, a status line 12. */
const TLS_ALERT_BYTES = 7;

/** Errors that leave open what is at the other end. */
const OPEN = /^(ECONNRESET|EPIPE|ETIMEDOUT|ERR_HTTP2_\w+)$/;

/**
 * What an HTTP/2 connection has seen that failed before the server's SETTINGS came. Node's HTTP/2 takes the bytes from
 * the socket below JavaScript, so that they can be counted and not read.
 */
export function sightOfDial(error: unknown, tcp: Socket, socket: Socket, options: SightOptions): Sight | undefined {
  const code = codeOf(error);
  if (!OPEN.test(code)) return undefined;
  // The server's first frame is SETTINGS (RFC 9113 section 3.4); nghttp2 has read another one, or none.
  const isOtherwise = code === "ERR_HTTP2_ERROR";
  if (options.tls !== false) {
    if (protocolOf(socket) === false) return "no-alpn";
    if (isOtherwise) return "not-http2";
  } else {
    if (tcp.bytesRead === TLS_ALERT_BYTES) return "tls-alert";
    if (isOtherwise) return "not-http2";
  }
  return sightOfSilence(code, options.tls === false ? tcp.bytesRead : socket.bytesRead, options);
}

/** What an HTTP/1.1 connection has seen on which a request failed without a response. */
export function sightOfRequest(error: unknown, socket: Socket | null, options: SightOptions): Sight | undefined {
  // What Node's parser could not read.
  const bytes = memberOf(error, "rawPacket");
  if (bytes instanceof Uint8Array) return sightOfBytes(bytes);
  if (socket === null || !/^(ECONNRESET|EPIPE)$/.test(codeOf(error))) return undefined;
  return sightOfSilence("ECONNRESET", socket.bytesRead, options);
}

/**
 * A response that says that a client without ALPN is not served: Node's HTTP/2 server answers so over TLS where it does not
 * allow HTTP/1.1 (connectionListener in lib/internal/http2/core.js).
 */
export function sightOfResponse(status: number | undefined, httpVersion: string, socket: Socket): Sight | undefined {
  return status === 403 && httpVersion === "1.0" && protocolOf(socket) === false ? "no-protocol" : undefined;
}

const SETTINGS = 4;
const GOAWAY = 7;
const ALERT = 0x15;

function sightOfBytes(bytes: Uint8Array): Sight | undefined {
  // A record of TLS begins with its type and the version 3.x; nothing of HTTP does.
  if (bytes[0] === ALERT && bytes[1] === 3) return "tls-alert";
  // A frame's header: three bytes of length, type, flags, and the stream, which is the connection here (RFC 9113 section 4.1).
  const [longest, , , type, , ...stream] = bytes.subarray(0, 9);
  const isOfConnection = stream.length === 4 && stream.every((byte) => byte === 0);
  return longest === 0 && isOfConnection && (type === SETTINGS || type === GOAWAY) ? "http2-frame" : undefined;
}

function sightOfSilence(code: string, bytesRead: number, { tls, isKnown }: SightOptions): Sight | undefined {
  if (isKnown || bytesRead > 0) return undefined;
  if (code === "ETIMEDOUT") return "silent";
  if (tls === false) return "closed";
  return tls.cert === undefined ? "closed-in-tls" : "closed-on-certificate";
}

function codeOf(error: unknown): string {
  return typeof error === "object" && error !== null ? (systemError(error).code ?? "") : "";
}

/** What ALPN chose: false if nothing; null or undefined before the handshake is over, and without TLS. */
function protocolOf(socket: Socket): string | false | null | undefined {
  return (socket as Partial<TLSSocket>).alpnProtocol;
}
