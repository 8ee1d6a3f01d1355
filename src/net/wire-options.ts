import type { BinaryReadOptions, BinaryWriteOptions, JsonReadOptions, JsonWriteOptions } from "@bufbuild/protobuf";
import type { Compression } from "@connectrpc/connect/protocol";

/** TLS as Node's `tls.connect` takes it: PEM text or bytes. */
export interface TlsOptions {
  /** Certificate authorities to trust in place of the system's. */
  ca?: string | Uint8Array | (string | Uint8Array)[];
  /** Client certificate chain, for mutual TLS; needs `key`. */
  cert?: string | Uint8Array;
  /** Private key of `cert`. */
  key?: string | Uint8Array;
  /**
   * The name to verify in certificates, in place of the target's. "target" verifies each server's own name (the SRV
   * target), which is only as safe as `targetSuffixes`: DNS is not authenticated.
   */
  serverName?: string;
  /**
   * With `serverName: "target"`: only SRV targets inside these domains are used. Each has two labels or more. Default:
   * the target's own name.
   */
  targetSuffixes?: string[];
}

/** Options of Connect's transports. */
export interface ConnectOptions {
  /** Binary messages, or JSON. Default true. */
  useBinaryFormat?: boolean;
  /** Send side-effect free unary calls as GET (Connect protocol only). Default false. */
  useHttpGet?: boolean;
  /** Compressions accepted in responses. Default gzip and brotli. */
  acceptCompression?: Compression[];
  /** Compression of requests. Default none. */
  sendCompression?: Compression;
  /** Do not compress messages smaller than this, in bytes. Default 1024. */
  compressMinBytes?: number;
  /** Limit of one response message, in bytes. Default 4294967295. */
  readMaxBytes?: number;
  /** Limit of one request message, in bytes. Default 4294967295. */
  writeMaxBytes?: number;
  /** Options of the JSON format. */
  jsonOptions?: Partial<JsonReadOptions & JsonWriteOptions>;
  /** Options of the binary format. */
  binaryOptions?: Partial<BinaryReadOptions & BinaryWriteOptions>;
}
