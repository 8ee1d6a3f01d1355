// grpc-js, which is told where the server is.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { type EchoRequest, EchoRequestSchema, EchoResponseSchema, EchoService } from "../support/gen/echo_pb.ts";
import { type Kind, limits, TIMEOUT_MS } from "./cells.ts";
import { clientArguments, frozenClient } from "./frozen-client.ts";

const { kind, baseUrl, pings } = clientArguments();
const { verifyAfterMs } = limits;

const client = new Client(
  new URL(baseUrl).host,
  credentials.createInsecure(),
  pings
    ? {
        "grpc.keepalive_time_ms": verifyAfterMs,
        "grpc.keepalive_timeout_ms": verifyAfterMs,
        "grpc.keepalive_permit_without_calls": 1,
      }
    : {},
);
const request = create(EchoRequestSchema, { text: "hello", count: 2 });
const encode = (message: EchoRequest) => Buffer.from(toBinary(EchoRequestSchema, message));
const decode = (bytes: Buffer) => fromBinary(EchoResponseSchema, new Uint8Array(bytes));
const path = (method: string) => `/${EchoService.typeName}/${method}`;
const options = () => ({ deadline: Date.now() + TIMEOUT_MS });

function unary(method: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path(method), encode, decode, request, new Metadata(), options(), (error, response) =>
      error === null ? resolve(response) : reject(error),
    );
  });
}

function serverStream(): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const stream = client.makeServerStreamRequest(path("ServerStream"), encode, decode, request, options());
    stream.on("data", () => {});
    stream.on("error", reject);
    stream.on("end", () => resolve(undefined));
  });
}

const calls: Record<Kind, () => Promise<unknown>> = {
  idempotent: () => unary("Get"),
  unknown: () => unary("Post"),
  stream: serverStream,
};
/** "DEADLINE_EXCEEDED" in the spelling of the others. */
const codeOf = (error: unknown) =>
  (status[(error as ServiceError).code] ?? "UNKNOWN")
    .toLowerCase()
    .replace(/(^|_)([a-z])/g, (_match, _separator, letter: string) => letter.toUpperCase())
    .replace("Cancelled", "Canceled");
await frozenClient(calls[kind], codeOf);
