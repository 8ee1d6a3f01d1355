import type { BinaryReadOptions, BinaryWriteOptions, JsonReadOptions, JsonWriteOptions } from "@bufbuild/protobuf";
import type { Compression } from "@connectrpc/connect/protocol";

/** TLS as Node's `tls.connect` takes it: PEM text or bytes. */
export interface TlsOptions {
  /** The only certificate authorities to trust. Default: the system's. */
  ca?: string | Uint8Array | (string | Uint8Array)[];
  /** Client certificate chain, for mutual TLS; needs `key`. Default: none. */
  cert?: string | Uint8Array;
  /** Private key of `cert`. Default: none. */
  key?: string | Uint8Array;
  /**
   * The name to verify in certificates. "target" verifies each server's own name (the SRV target), which is only as
   * safe as `targetSuffixes`: DNS is not authenticated. Default: the name in the target.
   */
  serverName?: string;
  /**
   * With `serverName: "target"`: only SRV targets inside these domains are used. Each has two labels or more. Default:
   * the name in the target.
   */
  targetSuffixes?: string[];
}

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
