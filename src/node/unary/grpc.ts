import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";
import { create, type DescMessage, type DescMethodUnary, type MessageShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type UnaryResponse } from "@connectrpc/connect";
import type { Compression } from "@connectrpc/connect/protocol";
import { validateResponseWithCompression, validateTrailer } from "@connectrpc/connect/protocol-grpc";
import { toHeaders, withCallers } from "./metadata.ts";
import { decompressed, NO_BYTES, type ResponseHeaders, type ResponseReader, tooLarge } from "./response.ts";
import { type Codec, codecOf, namesOf, type UnaryMethod, type UnaryOptions } from "./unary-method.ts";
import { USER_AGENT } from "./user-agent.ts";

// https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md

/** A flag, and the length of the message. */
const PREFIX_BYTES = 5;
const COMPRESSED = 1;

export function grpcMethod<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  options: UnaryOptions,
): UnaryMethod<I, O> {
  const { useBinaryFormat, acceptCompression, sendCompression, compressMinBytes } = options;
  const codec = codecOf(method, options);
  const path = `/${method.parent.typeName}/${method.name}`;
  const accepted = namesOf(acceptCompression);
  const prepared: OutgoingHttpHeaders = {
    "content-type": `application/grpc+${useBinaryFormat ? "proto" : "json"}`,
    "user-agent": USER_AGENT,
    te: "trailers",
    ...(sendCompression !== undefined && { "grpc-encoding": sendCompression.name }),
    ...(accepted !== undefined && { "grpc-accept-encoding": accepted }),
  };
  return {
    path,
    headers(header, timeoutMs) {
      const timeout = timeoutMs === undefined ? undefined : { "grpc-timeout": `${timeoutMs}m` };
      return header === undefined ? { ...prepared, ...timeout } : withCallers(header, prepared, timeout);
    },
    request(message, to, headers, isBare) {
      const bytes = codec.serialize(create(method.input, message));
      const post = (flags: number, data: Uint8Array) =>
        ({ httpMethod: "POST", path: to, headers, isBare, body: envelope(flags, data) }) as const;
      if (sendCompression === undefined || bytes.byteLength < compressMinBytes) return post(0, bytes);
      return sendCompression.compress(bytes).then((compressed) => post(COMPRESSED, compressed));
    },
    reader: () => new GrpcReader(method, codec, options),
  };
}

function envelope(flags: number, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(PREFIX_BYTES + data.length);
  bytes[0] = flags;
  new DataView(bytes.buffer).setUint32(1, data.length);
  bytes.set(data, PREFIX_BYTES);
  return bytes;
}

function lengthOf(envelope: Uint8Array): number {
  return new DataView(envelope.buffer, envelope.byteOffset).getUint32(1);
}

/** The message that bytes begin with. @throws ConnectError where it is not complete, or too large. */
function messageAt(bytes: Uint8Array<ArrayBuffer>, mostBytes: number): Uint8Array<ArrayBuffer> {
  const length = bytes.length < PREFIX_BYTES ? 0 : lengthOf(bytes);
  if (length > mostBytes) throw tooLarge(length, mostBytes);
  if (bytes.length < PREFIX_BYTES + length) {
    throw new ConnectError("protocol error: incomplete envelope", Code.InvalidArgument);
  }
  return bytes.subarray(PREFIX_BYTES, PREFIX_BYTES + length);
}

function extraMessage(): ConnectError {
  return new ConnectError("protocol error: received extra output message for unary method", Code.Unimplemented);
}

/** Reads a response. The usual one, with one message that is not compressed and status 0, makes no `Headers`. */
class GrpcReader<I extends DescMessage, O extends DescMessage> implements ResponseReader<I, O> {
  readonly mostBytes: number;
  readonly #method: DescMethodUnary<I, O>;
  readonly #codec: Codec<I, O>;
  readonly #options: UnaryOptions;
  #headers: ResponseHeaders = {};
  #trailers: IncomingHttpHeaders = {};
  #compression: Compression | undefined;
  /** The status in the headers is an error: "trailers-only". */
  #headerError: ConnectError | undefined;

  constructor(method: DescMethodUnary<I, O>, codec: Codec<I, O>, options: UnaryOptions) {
    this.#method = method;
    this.#codec = codec;
    this.#options = options;
    this.mostBytes = options.readMaxBytes + PREFIX_BYTES;
  }

  begin(headers: ResponseHeaders): boolean {
    const { acceptCompression } = this.#options;
    this.#headers = headers;
    const { ":status": status = 0, "content-type": type, "grpc-encoding": encoding, "grpc-status": code } = headers;
    const isPlain = type === "application/grpc+proto" || type === "application/grpc";
    if (status === 200 && isPlain && encoding === undefined && code === undefined) return true;
    const judged = validateResponseWithCompression(acceptCompression, status, toHeaders(headers));
    this.#compression = judged.compression;
    this.#headerError = judged.headerError;
    return false;
  }

  trailers(trailers: IncomingHttpHeaders): void {
    this.#trailers = trailers;
  }

  tooLong(body: Uint8Array): ConnectError {
    const { readMaxBytes } = this.#options;
    const length = lengthOf(body);
    return length > readMaxBytes ? tooLarge(length, readMaxBytes) : extraMessage();
  }

  end(body: Uint8Array<ArrayBuffer>): UnaryResponse<I, O> | Promise<UnaryResponse<I, O>> {
    if (body.length === 0) return this.#finish(undefined);
    const { readMaxBytes } = this.#options;
    const data = messageAt(body, readMaxBytes);
    const rest = body.subarray(PREFIX_BYTES + data.length);
    if (((body[0] as number) & COMPRESSED) === 0) return this.#finish(this.#codec.parse(data), rest);
    if (this.#compression === undefined) {
      throw new ConnectError("received compressed envelope, but do not know how to decompress", Code.Internal);
    }
    return decompressed(this.#compression, data, readMaxBytes).then((bytes) =>
      this.#finish(this.#codec.parse(bytes), rest),
    );
  }

  #finish(message: MessageShape<O> | undefined, rest = NO_BYTES): UnaryResponse<I, O> {
    const [headers, trailers] = [this.#headers, this.#trailers];
    if (rest.length > 0) {
      messageAt(rest, this.#options.readMaxBytes);
      throw extraMessage();
    }
    if (trailers["grpc-status"] !== "0" || trailers["grpc-status-details-bin"] !== undefined) {
      validateTrailer(toHeaders(trailers), toHeaders(headers));
    }
    if (message === undefined) {
      if (this.#headerError !== undefined) throw this.#headerError;
      throw new ConnectError(
        "protocol error: missing output message for unary method",
        trailers["grpc-status"] === undefined ? Code.Unknown : Code.Unimplemented,
      );
    }
    if (this.#headerError !== undefined) {
      throw new ConnectError(
        "protocol error: received output message for unary method with error status",
        Code.Unknown,
      );
    }
    return responseOf(this.#method, message, headers, trailers);
  }
}

function responseOf<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  message: MessageShape<O>,
  headers: IncomingHttpHeaders,
  trailers: IncomingHttpHeaders,
): UnaryResponse<I, O> {
  let header: Headers | undefined;
  let trailer: Headers | undefined;
  return {
    stream: false,
    service: method.parent,
    method,
    message,
    get header() {
      header ??= toHeaders(headers);
      return header;
    },
    get trailer() {
      trailer ??= toHeaders(trailers);
      return trailer;
    },
  };
}
