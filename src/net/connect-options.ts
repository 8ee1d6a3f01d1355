import type { BinaryReadOptions, BinaryWriteOptions, JsonReadOptions, JsonWriteOptions } from "@bufbuild/protobuf";
import type { Compression } from "@connectrpc/connect/protocol";

/** Options of Connect's transports. */
export interface ConnectOptions {
  /** Binary messages; `false`: JSON. Default: true. */
  useBinaryFormat?: boolean;
  /** Send side-effect free unary calls as GET (Connect protocol only). Default: false. */
  useHttpGet?: boolean;
  /** Compressions accepted in responses. Default: gzip and brotli. */
  acceptCompression?: Compression[];
  /** Compression of requests. Default: none. */
  sendCompression?: Compression;
  /** Do not compress messages smaller than this. Default: 1024 bytes. */
  compressMinBytes?: number;
  /** Limit of one response message. Default: 4294967295 bytes. */
  readMaxBytes?: number;
  /** Limit of one request message. Default: 4294967295 bytes. */
  writeMaxBytes?: number;
  /** Options of the JSON format. Default: none. */
  jsonOptions?: Partial<JsonReadOptions & JsonWriteOptions>;
  /** Options of the binary format. Default: none. */
  binaryOptions?: Partial<BinaryReadOptions & BinaryWriteOptions>;
}
