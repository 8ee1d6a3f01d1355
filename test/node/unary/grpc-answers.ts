import { brotliCompressSync, gzipSync } from "node:zlib";
import { grpcErrors } from "./grpc-errors.ts";
import { cancels, type Observed, type ParityCase } from "./parity-case.ts";
import type { End } from "./paths.ts";
import { type Answer, begin, respond } from "./script.ts";
import { envelope, messageOf } from "./wire.ts";

const GRPC = { "content-type": "application/grpc+proto" };
const OK = { "grpc-status": "0" };
const COMPRESSED = 1;
const hi = messageOf("hi");
const large = messageOf("x".repeat(100_000));

export type GrpcRow = readonly [name: string, ends: string, rest: Rest];
type Rest = Partial<Pick<ParityCase, "options" | "differs">> & { answer: Answer };

export function grpcAnswers(): ParityCase[] {
  const rows = [...messages(), ...encodings(), ...limits(), ...grpcErrors()];
  return rows.map(([name, ends, rest]) => ({ name: `grpc, ${name}`, protocol: "grpc", ends, ...rest }));
}

const withBody = (body: Uint8Array, trailers: Record<string, string | string[]> = OK) => ({
  answer: respond(GRPC, body, trailers),
});

function* messages(): Generator<GrpcRow> {
  const one = envelope(hi);
  yield ["a message", "ok", withBody(one)];
  yield ["an empty message", "ok", withBody(envelope(Buffer.alloc(0)))];
  yield ["a message that is none", "Internal", withBody(envelope(Buffer.of(0xff, 0xff)))];
  yield [
    "a message that is none, and an error",
    "Internal",
    withBody(envelope(Buffer.of(0xff, 0xff)), { "grpc-status": "6" }),
  ];
  yield ["two messages", "Unimplemented", withBody(Buffer.concat([one, one]))];
  yield ["two messages and an error", "Unimplemented", withBody(Buffer.concat([one, one]), { "grpc-status": "6" })];
  yield ["a message and half a one", "InvalidArgument", withBody(Buffer.concat([one, one.subarray(0, 6)]))];
  yield ["a message and a byte", "InvalidArgument", withBody(Buffer.concat([one, one.subarray(0, 1)]))];
  yield ["two bytes", "InvalidArgument", withBody(one.subarray(0, 2))];
  yield ["two bytes and an error", "InvalidArgument", withBody(one.subarray(0, 2), { "grpc-status": "6" })];
  yield ["a prefix without its message", "InvalidArgument", { ...isCut, ...withBody(one.subarray(0, 5)) }];
  yield ["half a message", "InvalidArgument", withBody(one.subarray(0, 7))];
  yield ["no message", "Unimplemented", withBody(Buffer.alloc(0))];
  yield ["no message and no status", "Internal", { answer: respond(GRPC) }];
  yield ["a message and no trailers", "Internal", { answer: respond(GRPC, one) }];
  yield ["the flag of gRPC-web's trailers", "ok", withBody(envelope(hi, 0x80))];
  yield ["the flag of Connect's end", "ok", withBody(envelope(hi, 2))];
  const metadata = { "x-one": "1", "x-latin": "caf\xe9", "x-some-bin": "AAH/", "set-cookie": ["a=1", "b=2"] };
  const trailers = { ...OK, "x-two": ["1", "2"], "x-three-bin": "AAH/", "x-latin": "caf\xe9" };
  yield ["headers and trailers", "ok", { answer: respond({ ...GRPC, ...metadata }, one, trailers) }];
  yield [
    "an interim response",
    "ok",
    {
      answer(stream) {
        stream.additionalHeaders({ ":status": 103, link: "</a.css>" });
        respond(GRPC, one, OK)(stream);
      },
    },
  ];
  yield [
    "many chunks",
    "ok",
    {
      answer(stream) {
        begin(stream, GRPC, OK);
        for (const byte of envelope(messageOf("a longer text"))) stream.write(Buffer.of(byte));
        stream.end();
      },
    },
  ];
}

function* encodings(): Generator<GrpcRow> {
  const encoded = (encoding: string, message: Uint8Array, flags = COMPRESSED, trailers = OK) => ({
    answer: respond({ ...GRPC, "grpc-encoding": encoding }, envelope(message, flags), trailers),
  });
  const half = (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1);
  const upTo = { options: { readMaxBytes: 1_000 } };
  yield ["gzip", "ok", encoded("gzip", gzipSync(hi))];
  yield ["brotli", "ok", encoded("br", brotliCompressSync(hi))];
  yield ["gzip of an empty message", "ok", encoded("gzip", gzipSync(""))];
  yield ["gzip of no bytes", "ok", encoded("gzip", Buffer.alloc(0))];
  yield ["gzip, not used", "ok", encoded("gzip", hi, 0)];
  yield ["identity", "ok", encoded("identity", hi, 0)];
  yield ["identity, and a compressed message", "Internal", encoded("identity", gzipSync(hi))];
  yield ["an unknown encoding", "Internal", encoded("snappy", hi)];
  yield ["an unknown encoding, not used", "Internal", encoded("snappy", hi, 0)];
  yield ["a compressed message without an encoding", "Internal", withBody(envelope(gzipSync(hi), COMPRESSED))];
  yield ["gzip that is none", "InvalidArgument", encoded("gzip", hi)];
  yield ["half of gzip", "Internal", encoded("gzip", half(gzipSync(large)))];
  yield ["half of brotli", "Internal", encoded("br", half(brotliCompressSync(large)))];
  yield ["gzip of what is no message", "Internal", encoded("gzip", gzipSync(Buffer.of(0xff, 0xff)))];
  yield ["gzip of more than readMaxBytes", "ResourceExhausted", { ...upTo, ...encoded("gzip", gzipSync(large)) }];
  yield [
    "brotli of more than readMaxBytes",
    "ResourceExhausted",
    { ...upTo, ...encoded("br", brotliCompressSync(large)) },
  ];
  yield [
    "gzip, of which none is accepted",
    "Internal",
    { options: { acceptCompression: [] }, ...encoded("gzip", gzipSync(hi)) },
  ];
  yield ["gzip, and an error", "AlreadyExists", encoded("gzip", gzipSync(hi), COMPRESSED, { "grpc-status": "6" })];
}

function* limits(): Generator<GrpcRow> {
  const upTo = (readMaxBytes: number, message: Uint8Array) => ({
    options: { readMaxBytes },
    ...withBody(envelope(message)),
  });
  yield ["as many bytes as readMaxBytes", "ok", upTo(large.length, large)];
  yield ["a byte more than readMaxBytes", "ResourceExhausted", upTo(hi.length - 1, hi)];
  yield ["far more than readMaxBytes", "ResourceExhausted", { ...cancels, ...upTo(1_000, large) }];
  const many = Buffer.concat(Array.from({ length: 1_000 }, () => envelope(hi)));
  yield [
    "a thousand messages, more than readMaxBytes",
    "Unimplemented",
    { options: { readMaxBytes: 100 }, ...withBody(many) },
  ];
  const prefix = Buffer.of(0, 0xff, 0xff, 0xff, 0xff);
  yield ["a prefix of 4 GiB", "ResourceExhausted", { options: { readMaxBytes: 1_000 }, ...withBody(prefix) }];
  yield ["a prefix of 4 GiB, without a limit", "InvalidArgument", { ...isCut, ...withBody(prefix) }];
}

/** A lone prefix is a message that was cut; connect-es reads it as no message, which would be the method's fault. */
const isCut = {
  differs: (standard: Observed): Observed => ({
    ...standard,
    end: { ...standard.end, code: "InvalidArgument", rawMessage: "protocol error: incomplete envelope" } as End,
  }),
};
