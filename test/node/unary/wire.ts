import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { EchoResponseSchema } from "../../support/gen/echo_pb.ts";
import type { Protocol } from "./paths.ts";
import { type Answer, respond } from "./script.ts";

/** Answers in bytes, as servers of Connect and of gRPC write them. */

export function messageOf(text: string, fields: MessageInitShape<typeof EchoResponseSchema> = {}): Buffer {
  return Buffer.from(toBinary(EchoResponseSchema, create(EchoResponseSchema, { text, ...fields })));
}

/** A length-prefixed message of gRPC. */
export function envelope(message: Uint8Array, flags = 0): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = flags;
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

export function plainAnswer(protocol: Protocol): Answer {
  if (protocol === "connect") return respond({ "content-type": "application/proto" }, messageOf("hi"));
  return respond({ "content-type": "application/grpc+proto" }, envelope(messageOf("hi")), { "grpc-status": "0" });
}
