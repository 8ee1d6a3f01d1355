import type { OutgoingHttpHeaders } from "node:http2";
import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { Compression } from "@connectrpc/connect/protocol";
import { createMethodSerializationLookup } from "@connectrpc/connect/protocol";
import type { ConnectOptions } from "../../net/connect-options.ts";
import type { StreamHead } from "../http2/http2-sessions.ts";
import type { ResponseReader } from "./response.ts";

/** Connect's options with their defaults, and what is common to all calls of a transport. */
export interface UnaryOptions
  extends Required<Pick<ConnectOptions, "useBinaryFormat" | "useHttpGet" | "acceptCompression">>,
    Pick<ConnectOptions, "sendCompression" | "binaryOptions" | "jsonOptions"> {
  readonly readMaxBytes: number;
  readonly writeMaxBytes: number;
  readonly compressMinBytes: number;
}

/** A request as it goes on a stream. */
export interface StreamRequest extends StreamHead {
  /** Undefined for GET. */
  readonly body: Uint8Array | undefined;
}

/** How a protocol writes the requests of one method and reads their responses. Made once a transport. */
export interface UnaryMethod<I extends DescMessage, O extends DescMessage> {
  /** `/package.Service/Method`. */
  readonly path: string;
  /** The caller's headers with those of the protocol. */
  headers(header: HeadersInit | undefined, timeoutMs: number | undefined): OutgoingHttpHeaders;
  /**
   * A promise only where it is compressed.
   *
   * @param headers of `headers()`; they become the request's.
   * @param isBare none of them is the caller's.
   * @throws ConnectError where the message cannot be sent.
   */
  request(
    message: MessageInitShape<I>,
    path: string,
    headers: OutgoingHttpHeaders,
    isBare: boolean,
  ): StreamRequest | Promise<StreamRequest>;
  reader(): ResponseReader<I, O>;
}

/** How messages of a method become bytes, and bytes its messages, with Connect's limits and errors. */
export interface Codec<I extends DescMessage, O extends DescMessage> {
  readonly serialize: (message: MessageShape<I>) => Uint8Array<ArrayBuffer>;
  readonly parse: (bytes: Uint8Array<ArrayBuffer>) => MessageShape<O>;
}

export function codecOf<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  options: UnaryOptions,
): Codec<I, O> {
  const { binaryOptions, jsonOptions, useBinaryFormat } = options;
  const lookup = createMethodSerializationLookup(method, binaryOptions, jsonOptions, options);
  const { serialize } = lookup.getI(useBinaryFormat);
  const { parse } = lookup.getO(useBinaryFormat);
  return { serialize, parse };
}

/** The value of a header that lists the compressions accepted; undefined if there are none. */
export function namesOf(compressions: readonly Compression[]): string | undefined {
  return compressions.length === 0 ? undefined : compressions.map(({ name }) => name).join(",");
}
