import type { IncomingHttpHeaders, IncomingHttpStatusHeader } from "node:http2";
import type { DescMessage } from "@bufbuild/protobuf";
import { Code, ConnectError, type UnaryResponse } from "@connectrpc/connect";
import type { Compression } from "@connectrpc/connect/protocol";

/** The headers of a response, as `node:http2` gives them. */
export type ResponseHeaders = IncomingHttpHeaders & IncomingHttpStatusHeader;

/** What a call reads of its response, as its protocol has it. */
export interface ResponseReader<I extends DescMessage, O extends DescMessage> {
  /** The longest body that it takes, in bytes. */
  readonly mostBytes: number;
  /** The error of a body that is longer. @param body what has come of it. */
  tooLong(body: Uint8Array): ConnectError;
  /**
   * The response headers have come.
   *
   * @returns true if they are those of a plain good response; false if they have been looked at more closely.
   * @throws ConnectError if the call has failed with them.
   */
  begin(headers: ResponseHeaders): boolean;
  trailers(trailers: IncomingHttpHeaders): void;
  /** The body is complete. A promise only where it is compressed. @throws ConnectError if the call has failed. */
  end(body: Uint8Array): UnaryResponse<I, O> | Promise<UnaryResponse<I, O>>;
}

/** A copy: a message's `bytes` are views of what it was parsed from, and zlib gives a part of a block of 16 KB. */
export async function decompressed(
  compression: Compression,
  bytes: Uint8Array<ArrayBuffer>,
  readMaxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await compression.decompress(bytes, readMaxBytes));
}

export const NO_BYTES = new Uint8Array(0);

/** @param size undefined where it is not known yet. */
export function tooLarge(size: number | undefined, readMaxBytes: number): ConnectError {
  return new ConnectError(
    size === undefined
      ? `message size is larger than configured readMaxBytes ${readMaxBytes}`
      : `message size ${size} is larger than configured readMaxBytes ${readMaxBytes}`,
    Code.ResourceExhausted,
  );
}
