// The same call by grpc-js. Its messages are protobuf-es's, as on the other sides: the transports are compared.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Client, credentials } from "@grpc/grpc-js";
import { EchoRequestSchema, EchoResponseSchema } from "../../test/support/gen/echo_pb.ts";
import { answered } from "./answered.ts";

const client = new Client(process.env.BACKEND ?? "", credentials.createInsecure());
client.makeUnaryRequest(
  "/connectlb.test.v1.EchoService/Get",
  (request: ReturnType<typeof create<typeof EchoRequestSchema>>) => Buffer.from(toBinary(EchoRequestSchema, request)),
  (bytes) => fromBinary(EchoResponseSchema, bytes),
  create(EchoRequestSchema, { text: "hello" }),
  (error, response) => {
    if (error) throw error;
    answered(response);
  },
);
