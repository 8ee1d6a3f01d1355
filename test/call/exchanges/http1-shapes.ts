import { type AnswerKind, type WireProtocol, wireAnswer } from "../../support/wire-answers.ts";
import { http1Answer } from "./http1-answers.ts";
import { statusShapes } from "./http1-statuses.ts";
import type { Fate } from "./trial.ts";

/** An answer that is whole, and odd. */
export interface Shape {
  readonly name: string;
  readonly group: string;
  readonly answer: AnswerKind;
  readonly fate: Fate;
  /** Another server would say the same. */
  readonly once: boolean;
  /** It may come from another program at the endpoint's address, unless the connection has had an answer. */
  readonly isForeign: boolean;
  /** The client waits for more. */
  readonly needsMore: boolean;
  bytes(text: string): Buffer;
}

type Edit = (answer: string) => string;

export function* shapes(protocol: WireProtocol): Generator<Shape> {
  const ok = (text: string) => wireAnswer(protocol, "ok", text);
  const byLength = (text: string): string => latin1(http1Answer(ok(text), "by length").bytes);
  const byChunks = (text: string): string => latin1(http1Answer(ok(text), "by chunks").bytes);
  const whole = (name: string, edit: Edit): Shape => shape(name, "whole", (text) => edit(byLength(text)));
  const odd = (name: string, edit: Edit, options?: Partial<Shape>): Shape =>
    shape(name, "open", (text) => edit(byLength(text)), options);
  const oddChunks = (name: string, edit: Edit, options?: Partial<Shape>): Shape =>
    shape(name, "open", (text) => edit(byChunks(text)), options);

  yield* statusShapes();
  for (const interim of INTERIM) {
    for (const times of [1, 4]) {
      const name = `${interim.slice(9, 12)}${times > 1 ? ` ${times} times` : ""}`;
      yield whole(`${name} before the answer`, (answer) => interim.repeat(times) + answer);
      yield shape(`${name} and no answer`, "ambiguous", () => interim.repeat(times), { needsMore: true });
    }
  }
  yield odd("101 before the answer", (answer) => SWITCHING + answer);

  const needsMore = { needsMore: true };
  yield odd("a length that is too great", (answer) => setLength(answer, (length) => length + 10), needsMore);
  yield odd("a length that is too small", (answer) => setLength(answer, (length) => length - 3));
  for (const length of ["-1", "abc", "1e3", "", "99999999999999999999"]) {
    yield odd(`content-length: ${length || "nothing"}`, (answer) => setLength(answer, () => length));
  }
  yield odd("two lengths", (answer) => answer.replace("\r\n\r\n", "\r\ncontent-length: 5\r\n\r\n"));
  yield odd("a length and chunks", (answer) => answer.replace("\r\n\r\n", "\r\ntransfer-encoding: chunked\r\n\r\n"));

  const setSize = (size: string) => (answer: string) => answer.replace(/\r\n\r\n(..)/, `\r\n\r\n${size}`);
  yield oddChunks("a chunk's size that is none", setSize("zz"));
  yield oddChunks("a chunk's size beyond 64 bits", setSize("f".repeat(17)));
  // gRPC-web's own lengths are read before the chunk's end.
  yield oddChunks("a chunk that is shorter than its size", setSize("fff"), { needsMore: protocol === "connect" });
  yield oddChunks("a chunk that is longer than its size", setSize("03"));
  yield oddChunks("no last chunk", (answer) => answer.replace(/0\r\nx-trailer.*/s, ""), needsMore);
  yield shape("chunk extensions", "whole", (text) => setSize("$1;a=b")(byChunks(text)));

  for (const line of ["HTTP/1.1 abc OK", "HTTP/1.1 99 OK", "ICY 200 OK", "HTTP/2.0 200 OK", "HTTP/1.1", "<html>"]) {
    yield odd(`the status line ${line}`, (answer) => answer.replace(/^.*/, line));
  }
  for (const line of ["HTTP/1.1 200", "HTTP/1.1 200 ", "HTTP/1.0 200 OK"]) {
    yield whole(`the status line "${line}"`, (answer) => answer.replace(/^.*/, line));
  }
  for (const [name, header] of ODD_HEADERS) {
    yield odd(name, (answer) => answer.replace("\r\n", `\r\n${header}\r\n`));
  }
  yield whole("connection: close", (answer) => answer.replace("\r\n", "\r\nconnection: close\r\n"));
  yield whole("an answer and 408", (answer) => answer + TIMED_OUT);
  const another = byLength("another call's");
  yield whole("two answers", (answer) => answer + another);
  yield whole("an answer and half a one", (answer) => answer + another.slice(0, 30));
}

const INTERIM = [
  "HTTP/1.1 100 Continue\r\n\r\n",
  "HTTP/1.1 102 Processing\r\n\r\n",
  "HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n",
];
const SWITCHING = "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n";
const TIMED_OUT = "HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n";
const ODD_HEADERS = [
  ["a header without a colon", "nonsense"],
  ["a header with NUL", "x-a: \0"],
  ["a blank before the colon", "x-a : b"],
  ["a folded header", "x-a: b\r\n c"],
  ["a header without a name", ": b"],
  ["a header of 70 KB", `x-a: ${"b".repeat(70_000)}`],
  ["3,000 headers", Array.from({ length: 3_000 }, (_, i) => `x-${i}: 1`).join("\r\n")],
  ["a bare CR", "x-a: b\rx-b: c"],
] as const;

function shape(name: string, fate: Fate, bytes: (text: string) => string, options: Partial<Shape> = {}): Shape {
  return {
    name,
    group: "odd answers",
    fate,
    answer: "ok",
    once: false,
    isForeign: false,
    needsMore: false,
    ...options,
    bytes: (text) => Buffer.from(bytes(text), "latin1"),
  };
}

function setLength(answer: string, length: (was: number) => string | number): string {
  return answer.replace(/content-length: (\d+)/, (_, was) => `content-length: ${length(Number(was))}`);
}

function latin1(bytes: Buffer): string {
  return bytes.toString("latin1");
}
