import { type Code, ConnectError } from "@connectrpc/connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { EchoRequestSchema } from "../../support/gen/echo_pb.ts";
import type { GrpcRow } from "./grpc-answers.ts";
import { respond } from "./script.ts";
import { envelope, messageOf } from "./wire.ts";

const GRPC = { "content-type": "application/grpc+proto" };
const OK = { "grpc-status": "0" };
const hi = messageOf("hi");

export function grpcErrors(): GrpcRow[] {
  return [...statuses(), ...httpAnswers()];
}

function detailsBin(code: Code | 0): string {
  const detail = { desc: EchoRequestSchema, value: { text: "hi" } };
  const trailers = new Headers();
  setTrailerStatus(trailers, new ConnectError("by details", code as Code, undefined, [detail]));
  return trailers.get("grpc-status-details-bin") as string;
}

/** Trailers, and the error that they make: everywhere, or after no message, after one, and as headers. */
const ERRORS: readonly (readonly [
  name: string,
  ends: string | readonly [trailers: string, afterMessage: string, headers: string],
  trailers: Record<string, string | string[]>,
])[] = [
  ["a status", "AlreadyExists", { "grpc-status": "6" }],
  ["a message", "AlreadyExists", { "grpc-status": "6", "grpc-message": "it was there" }],
  [
    "a message in percent-encoding",
    "AlreadyExists",
    { "grpc-status": "6", "grpc-message": "caf%C3%A9 %E2%82%AC%0A100%25" },
  ],
  ["a message in wrong percent-encoding", "Unknown", { "grpc-status": "6", "grpc-message": "100% %zz %C3" }],
  ["a message in Latin-1", "AlreadyExists", { "grpc-status": "6", "grpc-message": "caf\xe9" }],
  ["metadata", "AlreadyExists", { "grpc-status": "6", "x-two": ["1", "2"], "x-three-bin": "AAH/" }],
  [
    "details",
    "AlreadyExists",
    { "grpc-status": "6", "grpc-message": "by status", "grpc-status-details-bin": detailsBin(6) },
  ],
  ["details of another status", "NotFound", { "grpc-status": "6", "grpc-status-details-bin": detailsBin(5) }],
  ["details of an error with status 0", "NotFound", { "grpc-status": "0", "grpc-status-details-bin": detailsBin(5) }],
  [
    "details of an error without a status",
    ["NotFound", "NotFound", "Internal"],
    { "grpc-status-details-bin": detailsBin(5) },
  ],
  [
    "details with status 0",
    ["Unimplemented", "ok", "Unknown"],
    { "grpc-status": "0", "grpc-status-details-bin": detailsBin(0) },
  ],
  ["details that are no message", "DataLoss", { "grpc-status": "6", "grpc-status-details-bin": "/////w" }],
  ["details that are no base64", "DataLoss", { "grpc-status": "6", "grpc-status-details-bin": "!" }],
  ["status 17", "Internal", { "grpc-status": "17" }],
  ["status -1", "Internal", { "grpc-status": "-1" }],
  ["status 06", "AlreadyExists", { "grpc-status": "06" }],
  ["status x", "Internal", { "grpc-status": "x" }],
  ["status 6.5", "AlreadyExists", { "grpc-status": "6.5" }],
  ["an empty status", "Internal", { "grpc-status": "" }],
  ["pushback", "Unavailable", { "grpc-status": "14", "grpc-retry-pushback-ms": "10" }],
  ["no status", "Internal", { "x-two": "2" }],
];

function* statuses(): Generator<GrpcRow> {
  const header = { ...GRPC, "x-one": "1", "set-cookie": ["a=1", "b=2"] };
  for (const [name, ends, trailers] of ERRORS) {
    const [alone, afterMessage, headers] = typeof ends === "string" ? [ends, ends, ends] : ends;
    yield [`trailers with ${name}`, alone, { answer: respond(header, "", trailers) }];
    yield [`a message, and trailers with ${name}`, afterMessage, { answer: respond(header, envelope(hi), trailers) }];
    yield [`headers with ${name}`, headers, { answer: respond({ ...header, ...trailers }) }];
  }
  yield ["headers with status 0", "Unknown", { answer: respond({ ...GRPC, ...OK }) }];
  yield ["headers with status 0, and a message", "ok", { answer: respond({ ...GRPC, ...OK }, envelope(hi), OK) }];
  const failed = { ...GRPC, "grpc-status": "6", "grpc-message": "in the headers" };
  yield ["headers with a status, and a message", "Unknown", { answer: respond(failed, envelope(hi), OK) }];
  yield ["headers with a status, and a message without trailers", "Unknown", { answer: respond(failed, envelope(hi)) }];
  yield [
    "headers with a status, and trailers with another",
    "NotFound",
    { answer: respond(failed, "", { "grpc-status": "5" }) },
  ];
  yield ["headers with a status, and trailers with status 0", "AlreadyExists", { answer: respond(failed, "", OK) }];
}

/** HTTP statuses, and the code that gRPC gives each. */
const HTTP_STATUSES = [
  [201, "Unknown"],
  [302, "Unknown"],
  [400, "Internal"],
  [401, "Unauthenticated"],
  [403, "PermissionDenied"],
  [404, "Unimplemented"],
  [409, "Unknown"],
  [429, "Unavailable"],
  [500, "Unknown"],
  [502, "Unavailable"],
  [503, "Unavailable"],
  [504, "Unavailable"],
] as const;

function* httpAnswers(): Generator<GrpcRow> {
  for (const [status, ends] of HTTP_STATUSES) {
    const http = { ":status": status, "x-one": "1", "retry-after": "1" };
    yield [`HTTP ${status}`, ends, { answer: respond(http) }];
    yield [`HTTP ${status} with HTML`, ends, { answer: respond({ ...http, "content-type": "text/html" }, "<html>no") }];
    yield [
      `HTTP ${status} with a status in the headers`,
      ends,
      { answer: respond({ ...http, ...GRPC, "grpc-status": "6" }) },
    ];
    yield [
      `HTTP ${status} with a status in the trailers`,
      ends,
      { answer: respond({ ...http, ...GRPC }, "", { "grpc-status": "6" }) },
    ];
  }
  for (const [type, ends] of [
    ["application/grpc", "ok"],
    ["application/grpc+proto; a=b", "Unknown"],
    ["application/grpc; a=b", "Unknown"],
    ["Application/gRPC", "ok"],
    ["application/grpc+json", "ok"],
    ["application/grpc-web+proto", "Unknown"],
    ["application/proto", "Unknown"],
    ["text/html", "Unknown"],
    ["", "Unknown"],
  ] as const) {
    yield [`content type "${type}"`, ends, { answer: respond({ "content-type": type }, envelope(hi), OK) }];
    const json = { options: { useBinaryFormat: false } };
    yield [
      `content type "${type}" for JSON`,
      ends,
      { ...json, answer: respond({ "content-type": type }, envelope(Buffer.from("{}")), OK) },
    ];
  }
  yield ["no content type", "Unknown", { answer: respond({}, envelope(hi), OK) }];
}
