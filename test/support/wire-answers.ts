import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { EchoRequestSchema, EchoResponseSchema } from "./gen/echo_pb.ts";
import type { Fields } from "./http2-frames.ts";

export type WireProtocol = "connect" | "grpc" | "grpc-web";

/** What a server answers: a message, an error behind the headers, or (gRPC's "trailers-only") within them. */
export type AnswerKind = "ok" | "error" | "error in the headers";

/** A unary answer in the parts that a server sends it in. */
export interface WireAnswer {
  readonly status: number;
  /** Without `:status`. */
  readonly headers: Fields;
  /** The body, up to what follows the message. */
  readonly body: Buffer;
  /** Where the body can be cut so that the rest is lost without a trace: it ends between two fields. */
  readonly cut: number;
  /** gRPC's trailers; gRPC-web has them in the body. */
  readonly trailers?: Fields;
  readonly webTrailers?: Buffer;
}

/** What `error` answers say: gRPC's status 6. No client retries it. */
export const WIRE_ERROR = { code: 6, name: "already_exists", httpStatus: 409, message: "it was there before" } as const;
export const SERVER_NAME = "raw";

const CONTENT_TYPE = {
  connect: "application/proto",
  grpc: "application/grpc+proto",
  "grpc-web": "application/grpc-web+proto",
} as const;

export function wireAnswer(protocol: WireProtocol, kind: AnswerKind, text: string): WireAnswer {
  const failed = kind !== "ok";
  if (protocol === "connect" && failed) {
    const body = Buffer.from(JSON.stringify({ code: WIRE_ERROR.name, message: WIRE_ERROR.message }));
    return { status: WIRE_ERROR.httpStatus, headers: [["content-type", "application/json"]], body, cut: 12 };
  }
  const headers: Fields = [["content-type", CONTENT_TYPE[protocol]]];
  const message = toBinary(EchoResponseSchema, create(EchoResponseSchema, { text, server: SERVER_NAME }));
  const textBytes = toBinary(EchoResponseSchema, create(EchoResponseSchema, { text })).length;
  if (protocol === "connect") return { status: 200, headers, body: Buffer.from(message), cut: textBytes };
  const trailers: Fields = failed
    ? [
        ["grpc-status", String(WIRE_ERROR.code)],
        ["grpc-message", WIRE_ERROR.message],
      ]
    : [["grpc-status", "0"]];
  if (kind === "error in the headers") {
    return { status: 200, headers: [...headers, ...trailers], body: Buffer.alloc(0), cut: 0 };
  }
  const rest = { status: 200, headers, body: envelope(0, message), cut: 5 + textBytes };
  if (protocol === "grpc") return { ...rest, trailers };
  const lines = trailers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return { ...rest, webTrailers: envelope(0x80, Buffer.from(lines)) };
}

/** The text that a unary request carries. */
export function textOf(protocol: WireProtocol, body: Buffer): string {
  return fromBinary(EchoRequestSchema, protocol === "connect" ? body : body.subarray(5)).text;
}

function envelope(flags: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flags;
  head.writeUInt32BE(payload.length, 1);
  return Buffer.concat([head, payload]);
}
