import type { CallOptions } from "@connectrpc/connect";

/** What a caller may get wrong in a call, and what it is told. */
export interface BadCall {
  readonly options: { readonly [option in keyof CallOptions]?: unknown };
  readonly message: string;
}

const connection = (name: string) => `header "${name}" belongs to the connection and cannot be set for a call`;
const value = (name: string) =>
  `header "${name}" has a value that HTTP does not allow; encode text outside Latin-1 with encodeBinaryHeader()`;
const name = (text: string) => `${JSON.stringify(text)} is not a valid HTTP header name (RFC 9110 section 5.1)`;
const timeout = (text: string) => `timeoutMs must be a number of milliseconds, not ${text}`;

export const BAD_CALLS: readonly BadCall[] = [
  { options: { headers: { "user name": "x" } }, message: name("user name") },
  { options: { headers: { "": "x" } }, message: name("") },
  { options: { headers: { ":path": "/x" } }, message: name(":path") },
  { options: { headers: { naïve: "x" } }, message: name("naïve") },
  {
    options: {
      headers: [
        ["a", "1"],
        ["b\r\n", "2"],
      ],
    },
    message: name("b\r\n"),
  },
  { options: { headers: { authorization: "secret\n" + "more" } }, message: value("authorization") },
  { options: { headers: { "x-nul": "\u0000" } }, message: value("x-nul") },
  { options: { headers: { "x-name": "日本" } }, message: value("x-name") },
  {
    options: {
      headers: [
        ["x-ok", "1"],
        ["x-bad", "a\r\nb: c"],
      ],
    },
    message: value("x-bad"),
  },
  { options: { headers: 5 }, message: "headers must be Headers, an object, or a list of [name, value] pairs" },
  {
    options: { headers: ["ab"] },
    message: "headers must be Headers, an object, or a list of [name, value] pairs",
  },
  { options: { headers: { connection: "close" } }, message: connection("connection") },
  { options: { headers: { Connection: "close" } }, message: connection("connection") },
  { options: { headers: { "keep-alive": "5" } }, message: connection("keep-alive") },
  { options: { headers: { "proxy-connection": "close" } }, message: connection("proxy-connection") },
  { options: { headers: { "transfer-encoding": "chunked" } }, message: connection("transfer-encoding") },
  { options: { headers: { te: "gzip" } }, message: connection("te") },
  { options: { headers: { upgrade: "h2c" } }, message: connection("upgrade") },
  { options: { headers: { trailer: "x" } }, message: connection("trailer") },
  { options: { headers: { "content-length": "3" } }, message: connection("content-length") },
  { options: { headers: new Headers({ "content-length": "3" }) }, message: connection("content-length") },
  { options: { timeoutMs: Number.NaN }, message: timeout("NaN") },
  { options: { timeoutMs: "300" }, message: timeout('"300"') },
  { options: { timeoutMs: true }, message: timeout("true") },
  {
    options: { timeoutMs: 1_800_000_000_000 },
    message:
      "timeoutMs is a duration in milliseconds, not a timestamp: write timestamp - Date.now(), not 1800000000000",
  },
];
