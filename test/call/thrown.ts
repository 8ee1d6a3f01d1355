import { Code, ConnectError } from "@connectrpc/connect";

/** What a handler throws; made anew for each execution, because servers add to what they get. */
export interface Thrown {
  readonly name: string;
  /** It is passed on as it is, and may have metadata. */
  readonly isConnectError: boolean;
  make(): unknown;
}

/** What the handler says besides. */
export interface Metadata {
  readonly name: string;
  readonly header: readonly [name: string, value: string] | undefined;
  /** Where it is set. */
  readonly place: "error" | "header" | "trailer";
  /** It takes the place of something that the protocol says itself, so the caller may see another end than the handler's. */
  readonly isLookAlike: boolean;
}

/** What a network error looks like to somebody who goes by its shape. */
const network = {
  ECONNREFUSED: () => system("ECONNREFUSED", "connect"),
  ECONNRESET: () => system("ECONNRESET", "read"),
  ENOTFOUND: () => system("ENOTFOUND", "getaddrinfo"),
  ERR_HTTP2_SESSION_ERROR: () => system("ERR_HTTP2_SESSION_ERROR"),
  CERT_HAS_EXPIRED: () => system("CERT_HAS_EXPIRED"),
  ERR_INVALID_CHAR: () => system("ERR_INVALID_CHAR"),
  "closed with error code CANCEL": () => new Error("http/2 stream closed with error code CANCEL (0x8)"),
  "closed with error code REFUSED_STREAM": () => new Error("Stream closed with error code NGHTTP2_REFUSED_STREAM"),
  "HTTP 503": () => new Error("HTTP 503"),
  "socket hang up": () => new Error("socket hang up"),
} as const;

/** Errors that servers mean. */
export const CODES: readonly Thrown[] = codes().map(([name, code]) =>
  thrown(`ConnectError ${name}`, () => new ConnectError("the handler's words", code)),
);

/** Whatever else. */
export const SHAPES: readonly Thrown[] = [
  thrown("an Error", () => new Error("a bug")),
  thrown("a string", () => "a bug"),
  thrown("undefined", () => undefined),
  thrown("null", () => null),
  thrown("a number", () => 14),
  thrown("an empty object", () => ({})),
  thrown("an AbortError", () => new DOMException("aborted", "AbortError")),
  thrown("a TimeoutError", () => new DOMException("timed out", "TimeoutError")),
  ...Object.entries(network).flatMap(([name, make]) => [
    thrown(`an Error like ${name}`, make),
    thrown(`an object like ${name}`, () => ({ ...make(), message: make().message })),
    thrown(`an Error caused by ${name}`, () => new Error("a bug", { cause: make() })),
    thrown(`an AggregateError of ${name}`, () => new AggregateError([make(), make()], "two bugs")),
    ...[Code.Unavailable, Code.Canceled].flatMap((code) => [
      thrown(`ConnectError ${Code[code]} caused by ${name}`, () => new ConnectError("x", code, {}, [], make())),
      thrown(`ConnectError ${Code[code]} that says ${name}`, () => new ConnectError(make().message, code)),
    ]),
  ]),
];

const HEADERS: readonly (readonly [name: string, value: string, what: string, isLookAlike: boolean])[] = [
  ["retry-after", "0", "0", false],
  ["retry-after", "1", "1", false],
  ["retry-after", new Date(Date.now() - 60_000).toUTCString(), "a date that has passed", false],
  ["retry-after", new Date(Date.now() + 280_000).toUTCString(), "a date to come", false],
  ["grpc-retry-pushback-ms", "0", "0", false],
  ["grpc-retry-pushback-ms", "5", "5", false],
  ["grpc-retry-pushback-ms", "-1", "-1", false],
  ["x-nghttp2", "NGHTTP2_REFUSED_STREAM", "NGHTTP2_REFUSED_STREAM", false],
  ["grpc-status", "0", "0", true],
  ["grpc-status", "14", "14", true],
  ["grpc-message", "NGHTTP2_REFUSED_STREAM", "NGHTTP2_REFUSED_STREAM", true],
  ["content-type", "text/html", "text/html", true],
];

export const METADATA: readonly Metadata[] = [
  { name: "no metadata", header: undefined, place: "error", isLookAlike: false },
  ...HEADERS.flatMap(([name, value, what, isLookAlike]) =>
    (["error", "header", "trailer"] as const).map((place) => {
      return { name: `${name}: ${what} in the ${place}`, header: [name, value], place, isLookAlike } as const;
    }),
  ),
];

function codes(): (readonly [string, Code])[] {
  return Object.values(Code)
    .filter((code): code is Code => typeof code === "number")
    .map((code) => [Code[code], code]);
}

function thrown(name: string, make: () => unknown): Thrown {
  return { name, isConnectError: make() instanceof ConnectError, make };
}

function system(code: string, syscall?: string): Error {
  return Object.assign(new Error(`${syscall ?? "error"} ${code} 10.0.0.1:80`), { code, ...(syscall && { syscall }) });
}
