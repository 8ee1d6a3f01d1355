import {
  createMethodSerializationLookup,
  createMethodUrl,
  getAbortSignalReason,
  runStreamingCall,
  validateReadWriteMaxBytes,
} from "@connectrpc/connect/protocol";
import * as connectProtocol from "@connectrpc/connect/protocol-connect";
import * as grpcProtocol from "@connectrpc/connect/protocol-grpc";
import * as grpcWebProtocol from "@connectrpc/connect/protocol-grpc-web";

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
    "createTransport of protocol-connect": connectProtocol.createTransport,
    errorFromJsonBytes: connectProtocol.errorFromJsonBytes,
    trailerDemux: connectProtocol.trailerDemux,
    "validateResponseWithCompression of protocol-connect": connectProtocol.validateResponseWithCompression,
    "createTransport of protocol-grpc": grpcProtocol.createTransport,
    "validateResponseWithCompression of protocol-grpc": grpcProtocol.validateResponseWithCompression,
    validateTrailer: grpcProtocol.validateTrailer,
    "createTransport of protocol-grpc-web": grpcWebProtocol.createTransport,
  };
}
