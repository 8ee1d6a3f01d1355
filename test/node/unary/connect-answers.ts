import { brotliCompressSync, gzipSync } from "node:zlib";
import { cancels, type ParityCase } from "./parity-case.ts";
import { begin, respond } from "./script.ts";
import { messageOf } from "./wire.ts";

type Rest = Pick<ParityCase, "answer"> & Omit<Partial<ParityCase>, "name" | "protocol" | "ends">;

const PROTO = { "content-type": "application/proto" };
const JSON_TYPE = { "content-type": "application/json" };
const asJson = { options: { useBinaryFormat: false } };
const upTo = (readMaxBytes: number) => ({ options: { readMaxBytes } });
const hi = messageOf("hi");
const large = messageOf("x".repeat(100_000));

export function connectAnswers(): ParityCase[] {
  const rows = [...answers(), ...statuses(), ...encodings(), ...limits()];
  return rows.map(([name, ends, rest]) => ({ name: `connect, ${name}`, protocol: "connect", ends, ...rest }));
}

/** With how a call ends that asks for binary, and for JSON. */
const CONTENT_TYPES = [
  ["application/proto; charset=utf-8", "Unknown", "Unknown"],
  ["application/json; charset=utf-8", "Internal", "ok"],
  ["Application/Proto", "ok", "Internal"],
  ["application/json", "Internal", "ok"],
  ["application/grpc", "Unknown", "Unknown"],
  ["application/grpc+proto", "Unknown", "Unknown"],
  ["application/connect+proto", "Internal", "Internal"],
  ["text/html", "Unknown", "Unknown"],
  ["", "Unknown", "Unknown"],
] as const;

type Row = readonly [name: string, ends: string, rest: Rest];

function* answers(): Generator<Row> {
  yield ["a message", "ok", { answer: respond(PROTO, hi) }];
  yield ["an empty body", "ok", { answer: respond(PROTO) }];
  yield ["a message in JSON", "ok", { ...asJson, answer: respond(JSON_TYPE, '{"text":"hi"}') }];
  yield ["JSON with a field that is not known", "ok", { ...asJson, answer: respond(JSON_TYPE, '{"text":"hi","a":1}') }];
  yield ["an empty body in JSON", "InvalidArgument", { ...asJson, answer: respond(JSON_TYPE) }];
  yield ["JSON that is none", "InvalidArgument", { ...asJson, answer: respond(JSON_TYPE, "{") }];
  yield ["JSON of another shape", "InvalidArgument", { ...asJson, answer: respond(JSON_TYPE, '{"text":1}') }];
  yield ["a message that is none", "Internal", { answer: respond(PROTO, Buffer.from([0xff, 0xff])) }];
  yield [
    "headers and trailers",
    "ok",
    {
      answer: respond(
        {
          ...PROTO,
          "x-one": "1",
          "x-latin": "caf\xe9",
          "x-some-bin": "AAH/",
          "set-cookie": ["a=1", "b=2"],
          "x-two": ["1", "2"],
          "trailer-x-three": ["3", "4"],
          "trailer-x-four-bin": "AAH/",
        },
        hi,
      ),
    },
  ];
  yield [
    "an interim response",
    "ok",
    {
      answer: (stream) => {
        stream.additionalHeaders({ ":status": 103, link: "</a.css>" });
        respond(PROTO, hi)(stream);
      },
    },
  ];
  yield [
    "many chunks",
    "ok",
    {
      answer: (stream) => {
        begin(stream, PROTO);
        for (const byte of messageOf("a longer text")) stream.write(Buffer.of(byte));
        stream.end();
      },
    },
  ];
  for (const [type, binary, json] of CONTENT_TYPES) {
    const typed = { "content-type": type };
    yield [`content type "${type}"`, binary, { answer: respond(typed, hi) }];
    yield [`content type "${type}" for JSON`, json, { ...asJson, answer: respond(typed, "{}") }];
  }
  yield ["no content type", "Unknown", { answer: respond({}, hi) }];
}

/** HTTP statuses, and the code that Connect gives each. */
const STATUSES = [
  [201, "Unknown"],
  [204, "Unknown"],
  [302, "Unknown"],
  [400, "Internal"],
  [401, "Unauthenticated"],
  [403, "PermissionDenied"],
  [404, "Unimplemented"],
  [408, "Unknown"],
  [409, "Unknown"],
  [413, "Unknown"],
  [415, "Unknown"],
  [429, "Unavailable"],
  [431, "Unknown"],
  [500, "Unknown"],
  [502, "Unavailable"],
  [503, "Unavailable"],
  [504, "Unavailable"],
] as const;

const DETAIL = {
  type: "connectlb.test.v1.EchoRequest",
  value: Buffer.from("\n\x02hi").toString("base64"),
  debug: { text: "hi" },
};

function* statuses(): Generator<Row> {
  const metadata = { "x-one": "1", "set-cookie": ["a=1", "b=2"], "trailer-x-two": "2", "retry-after": "1" };
  for (const [status, byStatus] of STATUSES) {
    const http = { ":status": status, ...metadata };
    yield [`${status} without a body`, byStatus, { answer: respond(http) }];
    if (status === 204) continue;
    yield [`${status} with HTML`, byStatus, { answer: respond({ ...http, "content-type": "text/html" }, "<html>no") }];
    const withJson = (json: string) => ({ answer: respond({ ...http, ...JSON_TYPE }, json) });
    yield [`${status} with an error`, "AlreadyExists", withJson('{"code":"already_exists","message":"it was there"}')];
    yield [`${status} with JSON that is none`, byStatus, withJson("{")];
    yield [`${status} with an empty body of JSON`, byStatus, { answer: respond({ ...http, ...JSON_TYPE }) }];
    yield [`${status} with JSON of another program`, byStatus, withJson('{"error":"no"}')];
  }
  const withJson = (json: string) => ({ answer: respond({ ":status": 409, ...metadata, ...JSON_TYPE }, json) });
  yield [
    "an error with details",
    "AlreadyExists",
    withJson(JSON.stringify({ code: "already_exists", details: [DETAIL, DETAIL] })),
  ];
  yield ["an error with details that are none", "Unknown", withJson('{"code":"already_exists","details":[1]}')];
  yield ["an error with a code that is none", "Unknown", withJson('{"code":"wrong","message":"it was there"}')];
  yield ["an error with a code in numbers", "Unknown", withJson('{"code":6,"message":"it was there"}')];
  yield ["an error with a message that is none", "Unknown", withJson('{"code":"already_exists","message":1}')];
  yield ["an error in JSON", "AlreadyExists", { ...asJson, ...withJson('{"code":"already_exists"}') }];
  yield ["an error over readMaxBytes", "ResourceExhausted", { ...upTo(10), ...withJson('{"code":"already_exists"}') }];
}

function* encodings(): Generator<Row> {
  const encoded = (encoding: string, body: Uint8Array) => ({
    answer: respond({ ...PROTO, "content-encoding": encoding }, body),
  });
  const half = (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1);
  yield ["gzip", "ok", encoded("gzip", gzipSync(hi))];
  yield ["brotli", "ok", encoded("br", brotliCompressSync(hi))];
  yield ["identity", "ok", encoded("identity", hi)];
  yield ["an unknown encoding", "Internal", encoded("snappy", hi)];
  yield ["two encodings", "Internal", encoded("gzip, br", hi)];
  yield ["gzip that is none", "InvalidArgument", encoded("gzip", hi)];
  yield ["half of gzip", "Internal", encoded("gzip", half(gzipSync(large)))];
  yield ["half of brotli", "Internal", encoded("br", half(brotliCompressSync(large)))];
  yield ["gzip without a body", "ok", encoded("gzip", Buffer.alloc(0))];
  yield ["gzip of what is no message", "Internal", encoded("gzip", gzipSync(Buffer.from([0xff, 0xff])))];
  yield [
    "gzip of more than readMaxBytes",
    "ResourceExhausted",
    { ...upTo(1_000), ...encoded("gzip", gzipSync(large)) },
  ];
  yield [
    "brotli of more than readMaxBytes",
    "ResourceExhausted",
    { ...upTo(1_000), ...encoded("br", brotliCompressSync(large)) },
  ];
  yield [
    "gzip, of which none is accepted",
    "Internal",
    { options: { acceptCompression: [] }, ...encoded("gzip", gzipSync(hi)) },
  ];
  const json = gzipSync('{"code":"already_exists","message":"it was there"}');
  const error = (encoding: string, body: Uint8Array) => ({
    answer: respond({ ":status": 409, ...JSON_TYPE, "content-encoding": encoding }, body),
  });
  yield ["an error in gzip", "AlreadyExists", error("gzip", json)];
  yield ["an error in gzip that is none", "InvalidArgument", error("gzip", hi)];
  yield ["an error in an unknown encoding", "Internal", error("snappy", json)];
  yield [
    "404 in an unknown encoding",
    "Internal",
    { answer: respond({ ":status": 404, "content-encoding": "snappy" }) },
  ];
}

function* limits(): Generator<Row> {
  const withLength = { ...PROTO, "content-length": `${large.length}` };
  yield ["as many bytes as readMaxBytes", "ok", { ...upTo(large.length), answer: respond(PROTO, large) }];
  yield [
    "a byte more than readMaxBytes",
    "ResourceExhausted",
    { ...upTo(large.length - 1), answer: respond(PROTO, large) },
  ];
  yield [
    "a byte more than readMaxBytes, with its length",
    "ResourceExhausted",
    { ...cancels, ...upTo(large.length - 1), answer: respond(withLength, large) },
  ];
  yield [
    "as many bytes as readMaxBytes, with their length",
    "ok",
    { ...upTo(large.length), answer: respond(withLength, large) },
  ];
  for (const length of ["1", "9", "abc", "-1"]) {
    yield [
      `content-length: ${length}`,
      "Internal",
      { answer: respond({ ...PROTO, "content-length": length }, messageOf("hello")) },
    ];
  }
}
