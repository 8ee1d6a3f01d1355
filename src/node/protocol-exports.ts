import {
  createMethodSerializationLookup,
  createMethodUrl,
  getAbortSignalReason,
  runStreamingCall,
  validateReadWriteMaxBytes,
} from "@connectrpc/connect/protocol";
import * as connect from "@connectrpc/connect/protocol-connect";
import * as grpc from "@connectrpc/connect/protocol-grpc";
import * as grpcWeb from "@connectrpc/connect/protocol-grpc-web";

/**
 * What our code and connect-node's, which is part of the build, use of Connect's protocols. Connect's authors export it
 * without promising to keep it: undefined where the copy that was loaded has it no longer. A test compares it with the
 * build.
 */
export function protocolExports(): Readonly<Record<string, unknown>> {
  return {
    createMethodSerializationLookup,
    createMethodUrl,
    getAbortSignalReason,
    runStreamingCall,
    validateReadWriteMaxBytes,
    "createTransport of protocol-connect": connect.createTransport,
    errorFromJsonBytes: connect.errorFromJsonBytes,
    trailerDemux: connect.trailerDemux,
    "validateResponseWithCompression of protocol-connect": connect.validateResponseWithCompression,
    "createTransport of protocol-grpc": grpc.createTransport,
    "validateResponseWithCompression of protocol-grpc": grpc.validateResponseWithCompression,
    validateTrailer: grpc.validateTrailer,
    "createTransport of protocol-grpc-web": grpcWeb.createTransport,
  };
}
