import type { Compression } from "@connectrpc/connect/protocol";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";
import type { ConnectOptions } from "../../src/net/connect-options.ts";
import type { ClientCompatRequest } from "./gen/connectrpc/conformance/v1/client_compat_pb.js";
import { Codec, Compression as Encoding, HTTPVersion, Protocol } from "./gen/connectrpc/conformance/v1/config_pb.js";
import { registry } from "./messages.ts";

/** How a case wants its call to look on the wire: the same for the bare and for the balanced transport. */
export interface Wire {
  readonly protocol: "connect" | "grpc" | "grpc-web";
  readonly httpVersion: "1.1" | "2";
  readonly tls: { readonly ca: Buffer; readonly cert?: Buffer; readonly key?: Buffer } | false;
  readonly connect: ConnectOptions;
}

export function wireOf(request: ClientCompatRequest): Wire {
  const sendCompression = compressionOf(request.compression);
  return {
    protocol: protocolOf(request.protocol),
    httpVersion: httpVersionOf(request.httpVersion),
    tls: tlsOf(request),
    connect: {
      useBinaryFormat: request.codec === Codec.PROTO,
      useHttpGet: request.useGetHttpMethod,
      acceptCompression: sendCompression === undefined ? [] : [sendCompression],
      // The suite looks at the encoding of every message, and most are small.
      compressMinBytes: 0,
      jsonOptions: { registry },
      ...(sendCompression !== undefined && { sendCompression }),
    },
  };
}

function protocolOf(protocol: Protocol): Wire["protocol"] {
  switch (protocol) {
    case Protocol.CONNECT:
      return "connect";
    case Protocol.GRPC:
      return "grpc";
    case Protocol.GRPC_WEB:
      return "grpc-web";
    default:
      throw new Error(`protocol ${Protocol[protocol]} is not in config.yaml`);
  }
}

function httpVersionOf(version: HTTPVersion): Wire["httpVersion"] {
  if (version === HTTPVersion.HTTP_VERSION_1) return "1.1";
  if (version === HTTPVersion.HTTP_VERSION_2) return "2";
  throw new Error(`HTTP version ${HTTPVersion[version]} is not in config.yaml`);
}

function compressionOf(encoding: Encoding): Compression | undefined {
  switch (encoding) {
    case Encoding.IDENTITY:
      return undefined;
    case Encoding.GZIP:
      return compressionGzip;
    case Encoding.BR:
      return compressionBrotli;
    default:
      throw new Error(`compression ${Encoding[encoding]} is not in config.yaml`);
  }
}

function tlsOf({ serverTlsCert, clientTlsCreds }: ClientCompatRequest): Wire["tls"] {
  if (serverTlsCert.length === 0) return false;
  return {
    ca: Buffer.from(serverTlsCert),
    ...(clientTlsCreds && { cert: Buffer.from(clientTlsCreds.cert), key: Buffer.from(clientTlsCreds.key) }),
  };
}
