import type { ClientHttp2Stream } from "node:http2";
import { ConnectError } from "@connectrpc/connect";
import type { CallUnderWay, Carrier } from "../endpoints/endpoint-transport.ts";
import { causesOf, factAmong, recordFact } from "../resilience/failure-facts.ts";

/** A request on its way, as the connection sees it that carries it. */
export interface Exchange extends Carrier {
  /** Undefined where the request's call is not known. */
  readonly call: CallUnderWay | undefined;
  /** It was sent while a PING asked whether the server is still there. */
  isDoubted: boolean;
  /** The response headers have come. */
  readonly hasResponse: boolean;
  /** Its stream is open; over HTTP/1.1 it has none. */
  opened(stream: ClientHttp2Stream): void;
  /**
   * The response headers have come.
   *
   * @param isKnown the connection has had an answer of a Connect or gRPC handler.
   */
  answered(header: ResponseHeader, isKnown: boolean): void;
}

/** The headers of a response, as `node:http2` gives them. */
export interface ResponseHeader {
  readonly ":status"?: number | undefined;
  readonly "content-type"?: string | undefined;
  readonly "grpc-status"?: string | string[] | undefined;
}

/** Which connections have had an answer of a Connect or gRPC handler. Those belong to one, behind a proxy or not. */
export class Handlers {
  readonly #known = new WeakSet<object>();
  /** There has been one. */
  areKnown = false;

  /** @param header of a response that has come on the connection. */
  isKnown(connection: object, header: ResponseHeader): boolean {
    if (header[":status"] !== 200 || !isFromHandler(header["content-type"])) return this.#known.has(connection);
    this.#known.add(connection);
    this.areKnown = true;
    return true;
  }
}

/** @param type the content type of a response. */
export function isFromHandler(type: unknown): boolean {
  return /^application\/(grpc|connect|proto|json)/.test(String(type));
}

/** Whether a call has not failed by its response headers: gRPC's "trailers-only", or an HTTP status. */
export function isGood({ ":status": status, "content-type": type, "grpc-status": code }: ResponseHeader): boolean {
  return status === 200 && isFromHandler(type) && (code === undefined || code === "0");
}

/** What another program answers, at an address that a server has left. */
const NOT_HERE: ReadonlySet<number | undefined> = new Set([401, 403, 404]);

/** Whether a response may be another program's, on a connection that has never had an answer of a handler. */
export function mayBeForeign(header: ResponseHeader): boolean {
  return NOT_HERE.has(header[":status"]);
}

/**
 * Records of an error what its connection has not: that it came from the client itself, if there was no response (a
 * message that cannot be serialised, for instance, which would fail with any server), or that another program answered.
 */
export function recordCause(
  error: unknown,
  { hasResponse, isForeign }: { readonly hasResponse: boolean; readonly isForeign: boolean },
): void {
  if (error instanceof ConnectError && error.isWireError) return;
  if (factAmong(causesOf(error)) !== undefined) return;
  if (!hasResponse) recordFact(error, "unsendable");
  else if (isForeign) recordFact(error, "foreign");
}
