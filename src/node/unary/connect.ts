import type { OutgoingHttpHeaders } from "node:http2";
import { create, type DescMessage, type DescMethodUnary, type MessageShape } from "@bufbuild/protobuf";
import { base64Encode } from "@bufbuild/protobuf/wire";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { appendHeaders, type ConnectError, type UnaryResponse } from "@connectrpc/connect";
import type { Compression } from "@connectrpc/connect/protocol";
import {
  errorFromJsonBytes,
  trailerDemux,
  validateResponseWithCompression,
} from "@connectrpc/connect/protocol-connect";
import { toHeaders, withCallers } from "./metadata.ts";
import { decompressed, type ResponseHeaders, type ResponseReader, tooLarge } from "./response.ts";
import {
  type Codec,
  codecOf,
  namesOf,
  type StreamRequest,
  type UnaryMethod,
  type UnaryOptions,
} from "./unary-method.ts";
import { USER_AGENT } from "./user-agent.ts";

// https://connectrpc.com/docs/protocol/#unary-rpcs

/** What proxies take (nginx and Apache: 8 KiB a line); a longer URL is answered with an error, or not at all. */
const LONGEST_URL = 8_192;
/** Scheme and host at their longest, `?connect=v1&base64=1&encoding=proto&message=`, and the name of a compression. */
const REST_OF_URL = 350;

/** Of a GET, which has neither a body nor a preflight. */
const NOT_OF_GET = ["connect-protocol-version", "content-type", "content-encoding", "accept-encoding"];

export function connectMethod<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  options: UnaryOptions,
): UnaryMethod<I, O> {
  const { useBinaryFormat, useHttpGet, acceptCompression, sendCompression, compressMinBytes } = options;
  const codec = codecOf(method, options);
  const path = `/${method.parent.typeName}/${method.name}`;
  const accepted = namesOf(acceptCompression);
  const prepared: OutgoingHttpHeaders = {
    "content-type": useBinaryFormat ? "application/proto" : "application/json",
    "connect-protocol-version": "1",
    "user-agent": USER_AGENT,
    ...(accepted !== undefined && { "accept-encoding": accepted }),
  };
  const mayGet = useHttpGet && method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;

  return {
    path,
    headers(header, timeoutMs) {
      const timeout = timeoutMs === undefined ? undefined : { "connect-timeout-ms": `${timeoutMs}` };
      return header === undefined ? { ...prepared, ...timeout } : withCallers(header, prepared, timeout);
    },
    request(message, to, headers, isBare) {
      const body = codec.serialize(create(method.input, message));
      const write = mayGet && fitsUrl(to, body, useBinaryFormat) ? get : post;
      if (sendCompression === undefined || body.byteLength <= compressMinBytes) return write(to, headers, isBare, body);
      const { name } = sendCompression;
      return sendCompression.compress(body).then((compressed) => write(to, headers, isBare, compressed, name));
    },
    reader: () => new ConnectReader(method, codec, options),
  };
}

type Write = (
  path: string,
  headers: OutgoingHttpHeaders,
  isBare: boolean,
  body: Uint8Array,
  compression?: string,
) => StreamRequest;

const post: Write = (path, headers, isBare, body, compression) => {
  if (compression !== undefined) headers["content-encoding"] = compression;
  else if (!isBare) delete headers["content-encoding"];
  return { httpMethod: "POST", path, headers, isBare, body };
};

const get: Write = (path, headers, _isBare, body, compression) => {
  const encoding = headers["content-type"] === "application/json" ? "json" : "proto";
  for (const name of NOT_OF_GET) delete headers[name];
  const query = queryOf(body, encoding, compression);
  return { httpMethod: "GET", path: path + query, headers, isBare: false, body: undefined };
};

/** Before compression: a message that fits only compressed is sent by POST. */
function fitsUrl(path: string, body: Uint8Array, isBinary: boolean): boolean {
  const left = LONGEST_URL - path.length - REST_OF_URL;
  if (body.length > left) return false;
  return (isBinary ? Math.ceil((body.length * 4) / 3) : inUrl(body).length) <= left;
}

/** The parameters in the order of the specification, so that caches see one URL for one request. */
function queryOf(body: Uint8Array, encoding: string, compression: string | undefined): string {
  const isText = encoding === "json" && compression === undefined;
  const base64 = isText ? "" : "&base64=1";
  const compressed = compression === undefined ? "" : `&compression=${encodeURIComponent(compression)}`;
  const message = isText ? inUrl(body) : base64Encode(body, "url");
  return `?connect=v1${base64}${compressed}&encoding=${encoding}&message=${message}`;
}

function inUrl(json: Uint8Array): string {
  return encodeURIComponent(new TextDecoder().decode(json));
}

/** Reads a response. The usual one, with a message that is not compressed, makes no `Headers`. */
class ConnectReader<I extends DescMessage, O extends DescMessage> implements ResponseReader<I, O> {
  readonly mostBytes: number;
  readonly #method: DescMethodUnary<I, O>;
  readonly #codec: Codec<I, O>;
  readonly #options: UnaryOptions;
  #headers: ResponseHeaders = {};
  #compression: Compression | undefined;
  /** What it fails with if the body says no more. */
  #failure: ConnectError | undefined;

  constructor(method: DescMethodUnary<I, O>, codec: Codec<I, O>, options: UnaryOptions) {
    this.#method = method;
    this.#codec = codec;
    this.#options = options;
    this.mostBytes = options.readMaxBytes;
  }

  begin(headers: ResponseHeaders): boolean {
    const { useBinaryFormat, acceptCompression, readMaxBytes } = this.#options;
    this.#headers = headers;
    const { ":status": status = 0, "content-type": type, "content-encoding": encoding } = headers;
    const expected = useBinaryFormat ? "application/proto" : "application/json";
    const isPlain = status === 200 && type === expected && encoding === undefined;
    if (!isPlain) {
      const judged = validateResponseWithCompression(
        "unary",
        acceptCompression,
        useBinaryFormat,
        status,
        toHeaders(headers),
      );
      this.#compression = judged.compression;
      if (judged.isUnaryError) this.#failure = judged.unaryError;
    }
    const length = Number(headers["content-length"]);
    if (length > readMaxBytes) throw tooLarge(length, readMaxBytes);
    return isPlain;
  }

  /** Connect's are among the headers. */
  trailers(): void {}

  tooLong(): ConnectError {
    return tooLarge(undefined, this.mostBytes);
  }

  end(body: Uint8Array<ArrayBuffer>): UnaryResponse<I, O> | Promise<UnaryResponse<I, O>> {
    if (this.#compression === undefined) return this.#finish(body);
    return decompressed(this.#compression, body, this.#options.readMaxBytes).then((bytes) => this.#finish(bytes));
  }

  #finish(body: Uint8Array<ArrayBuffer>): UnaryResponse<I, O> {
    const headers = this.#headers;
    let metadata: [Headers, Headers] | undefined;
    const demuxed = (): [Headers, Headers] => {
      metadata ??= trailerDemux(toHeaders(headers));
      return metadata;
    };
    if (this.#failure !== undefined) throw errorFromJsonBytes(body, appendHeaders(...demuxed()), this.#failure);
    const message: MessageShape<O> = this.#codec.parse(body);
    return {
      stream: false,
      service: this.#method.parent,
      method: this.#method,
      message,
      get header() {
        return demuxed()[0];
      },
      get trailer() {
        return demuxed()[1];
      },
    };
  }
}
