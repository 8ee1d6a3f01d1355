import { Code, ConnectError } from "@connectrpc/connect";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";
import type { ConnectOptions } from "../../../src/net/connect-options.ts";
import { cancels, type Observed, type ParityCase } from "./parity-case.ts";
import type { End, Protocol, UnaryInput } from "./paths.ts";
import { type Answer, begin, respond } from "./script.ts";
import { envelope, messageOf } from "./wire.ts";

type Rest = Omit<Partial<ParityCase>, "name" | "protocol" | "ends">;
type Row = readonly [name: string, ends: string, rest: Rest];

/** What is sent, as the server sees it. */
export function requests(): ParityCase[] {
  const both = (["connect", "grpc"] as const).flatMap((protocol) =>
    [...common(protocol)].map((row) => [protocol, row] as const),
  );
  const gets = [...ofGet()].map((row) => ["connect", row] as const);
  return [...both, ...gets].map(([protocol, [name, ends, rest]]) => ({
    name: `${protocol}, ${name}`,
    protocol,
    ends,
    ...rest,
  }));
}

const long = { text: "x".repeat(3_000) };
const asJson = { useBinaryFormat: false };
/** An answer in JSON. */
const json = {
  connect: respond({ "content-type": "application/json" }, "{}"),
  grpc: respond({ "content-type": "application/grpc+json" }, Buffer.from("\0\0\0\0\x02{}"), { "grpc-status": "0" }),
};

function* common(protocol: Protocol): Generator<Row> {
  const header = (fields: HeadersInit) => ({ input: { header: fields } });
  yield ["a request", "ok", {}];
  yield ["a request in JSON", "ok", { options: asJson, answer: json[protocol] }];
  yield ["an empty message", "ok", { input: { message: {} } }];
  yield ["a long message", "ok", { input: { message: { text: "x".repeat(300_000) } } }];
  for (const timeoutMs of [60_000, 1_000, 99_999_999, 0, -1])
    yield [`timeout ${timeoutMs}`, "ok", { input: { timeoutMs } }];
  const timed = { "connect-timeout-ms": "70000", "grpc-timeout": "70S" };
  yield ["a caller's header of a timeout", "ok", header(timed)];
  yield ["a timeout, and a caller's header of one", "ok", { input: { timeoutMs: 60_000, header: timed } }];
  yield ["headers as a record", "ok", header({ "X-One": "1", "x-two": " 2 ", "x-latin": "caf\xe9" })];
  yield [
    "headers as a list",
    "ok",
    header([
      ["x-one", "1"],
      ["x-one", "2"],
      ["x-some-bin", "AAH/"],
    ]),
  ];
  yield ["headers as Headers", "ok", header(new Headers({ "x-one": "1", cookie: "a=1; b=2" }))];
  yield [
    "a caller's headers of the protocol",
    "ok",
    header({
      "content-type": "text/plain",
      "connect-protocol-version": "7",
      "accept-encoding": "x",
      "content-encoding": "x",
      "grpc-encoding": "x",
      "grpc-accept-encoding": "x",
    }),
  ];
  yield ["a header that HTTP/2 forbids", "Internal", header({ "keep-alive": "1" })];
  yield ["a host header", "ok", header({ host: "elsewhere.test" })];
  for (const [kind, sendCompression] of [
    ["gzip", compressionGzip],
    ["brotli", compressionBrotli],
  ] as const) {
    const options = { sendCompression };
    yield [`${kind} of a long message`, "ok", { options, input: { message: long } }];
    yield [`${kind} of a short message`, "ok", { options }];
    // connect-node opens a stream, and resets it.
    const nothingSent = (standard: Observed): Observed => ({ ...standard, requests: [] });
    const abort: ParityCase["abort"] = async (controller) => controller.abort();
    yield [`aborted within ${kind}`, "Canceled", { options, input: { message: long }, abort, differs: nothingSent }];
    for (const compressMinBytes of [6, 7, 8]) {
      // The message has seven bytes.
      yield [`${kind} from ${compressMinBytes} bytes on`, "ok", { options: { ...options, compressMinBytes } }];
    }
    yield [
      `${kind} of an empty message`,
      "ok",
      { options: { ...options, compressMinBytes: 0 }, input: { message: {} } },
    ];
  }
  yield ["no compression accepted", "ok", { options: { acceptCompression: [] } }];
  yield ["brotli alone accepted", "ok", { options: { acceptCompression: [compressionBrotli] } }];
  yield ["as many bytes as writeMaxBytes", "ok", { options: { writeMaxBytes: 7 } }];
  yield ["more bytes than writeMaxBytes", "ResourceExhausted", { options: { writeMaxBytes: 6 } }];
  yield ["a message that cannot be serialised", "Internal", { input: { message: { delayMs: 1.5 } } }];
  // connect-node throws what `Headers` throws.
  const isConnectError = {
    differs: (standard: Observed): Observed => ({ ...standard, end: { ...standard.end, code: "Unknown" } as End }),
  };
  yield ["a header name that HTTP does not allow", "Unknown", { ...isConnectError, ...header({ "a b": "1" }) }];
  yield ["a header value that HTTP does not allow", "Unknown", { ...isConnectError, ...header({ "x-one": "a\nb" }) }];
  const silent = { answer: () => {} };
  yield ["a deadline", "DeadlineExceeded", { ...silent, ...cancels, input: { timeoutMs: 30 } }];
  yield [
    "a deadline while the answer comes",
    "DeadlineExceeded",
    { ...cancels, input: { timeoutMs: 30 }, answer: begun(protocol) },
  ];
  for (const [reason, ends] of ABORTS) {
    const abort: ParityCase["abort"] = async (controller, server) => {
      await server.seen(1);
      controller.abort(reason());
    };
    yield [`aborted (${ends})`, ends, { ...silent, ...aborted, abort }];
    yield [`aborted while the answer comes (${ends})`, ends, { ...aborted, answer: begun(protocol), abort }];
    // connect-node opens a stream, and resets it.
    const differs = (standard: Observed): Observed => ({ ...aborted.differs(standard), requests: [] });
    yield [`aborted before (${ends})`, ends, { differs, input: abortedInput(reason) }];
    yield [
      `aborted at once (${ends})`,
      ends,
      { ...silent, ...aborted, abort: async (controller) => controller.abort(reason()) },
    ];
  }
}

/** On connect-node's path, a reason with a code of its own may look like a request that cannot be sent. */
const aborted = {
  differs(standard: Observed): Observed {
    return cancels.differs({ ...standard, end: { ...standard.end, fact: undefined } as End });
  },
};

/** Another reason for each call: connect-node's path keeps what it thinks of it. */
function abortedInput(reason: () => unknown): Partial<UnaryInput> {
  return {
    get signal() {
      return AbortSignal.abort(reason());
    },
  };
}

/** What a caller aborts with, and what its call ends with. */
const ABORTS = [
  [() => undefined, "Canceled"],
  [() => new Error("enough"), "Canceled"],
  [() => "enough", "Canceled"],
  [() => new DOMException("late", "TimeoutError"), "Canceled"],
  [() => new ConnectError("enough", Code.ResourceExhausted), "ResourceExhausted"],
] as const;

/** An answer that stays without its end. */
function begun(protocol: Protocol): Answer {
  const [type, body] = protocol === "connect" ? ["proto", messageOf("hi")] : ["grpc+proto", envelope(messageOf("hi"))];
  return (stream) => {
    begin(stream, { "content-type": `application/${type}` });
    stream.write(body);
  };
}

function* ofGet(): Generator<Row> {
  const useHttpGet = { useHttpGet: true };
  const get = (options: ConnectOptions = {}, input: Partial<UnaryInput> = {}): Rest => ({
    options: { ...useHttpGet, ...options },
    input: { method: "get", message: { text: "a longer text: äöü & ?" }, ...input },
  });
  const inJson = (rest: Rest): Rest => ({ ...rest, options: { ...rest.options, ...asJson }, answer: json.connect });
  yield ["GET", "ok", get()];
  yield ["GET in JSON", "ok", inJson(get())];
  yield ["GET of an empty message", "ok", get({}, { message: {} })];
  yield ["GET of an empty message in JSON", "ok", inJson(get({}, { message: {} }))];
  yield [
    "GET with a timeout and headers",
    "ok",
    get({}, { timeoutMs: 60_000, header: { "x-one": "1", "content-type": "x", "content-encoding": "x" } }),
  ];
  yield ["POST of what may be a GET, but is not to be", "ok", { ...get({ useHttpGet: false }) }];
  yield ["POST of what may not be a GET", "ok", { ...get({}, { method: "post" }) }];
  for (const sendCompression of [compressionGzip, compressionBrotli]) {
    const { name } = sendCompression;
    const message = { message: long };
    yield [`GET in ${name}`, "ok", get({ sendCompression }, message)];
    yield [`GET in ${name}, in JSON`, "ok", inJson(get({ sendCompression }, message))];
    yield [`GET of a short message in ${name}`, "ok", get({ sendCompression })];
    yield [
      `GET that is too long before ${name}`,
      "ok",
      get({ sendCompression }, { message: { text: "x".repeat(8_000) } }),
    ];
  }
  yield ["GET that is too long", "ok", get({}, { message: { text: "x".repeat(8_000) } })];
  yield ["GET that is too long in JSON", "ok", inJson(get({}, { message: { text: "ä".repeat(2_000) } }))];
  yield ["GET that is far too long", "ok", get({}, { message: { text: "x".repeat(80_000) } })];
  for (const status of [304, 404, 414, 503]) {
    yield [
      `GET, answered with ${status}`,
      status === 404 ? "Unimplemented" : status === 503 ? "Unavailable" : "Unknown",
      { ...get(), answer: respond({ ":status": status }) },
    ];
  }
  yield ["GET, with a deadline", "DeadlineExceeded", { ...get({}, { timeoutMs: 30 }), answer: () => {}, ...cancels }];
  yield ["GET of more than writeMaxBytes", "ResourceExhausted", get({ writeMaxBytes: 6 })];
}
