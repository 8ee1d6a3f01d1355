import type { Fields } from "../../support/http2-frames.ts";
import type { WireAnswer } from "../../support/wire-answers.ts";

/** How the end of a body is known (RFC 9112 section 6.3). */
export type Framing = "by length" | "by chunks" | "by close";

/** How far an exchange has come when it breaks, over HTTP/1.1. */
export const MOMENTS = [
  "at accept",
  "on the idle connection",
  "on the idle connection, seen",
  "within the request",
  "before the status line",
  "within the status line",
  "after the status line",
  "within a header",
  "before the end of the headers",
  "after the headers",
  "within a chunk's size",
  "within the body",
  "between two chunks",
  "before the last chunk",
  "within the trailers",
  "after the end",
] as const;
export type Moment = (typeof MOMENTS)[number];

/** Nothing of the answer has been sent; the offset is 0. */
export const BEFORE_ANSWER: readonly Moment[] = MOMENTS.slice(0, 5);

const REASON: Readonly<Record<number, string>> = { 200: "OK", 409: "Conflict" };

export interface Http1Answer {
  readonly bytes: Buffer;
  /** Where each moment is in the bytes; those that this framing does not have are absent. */
  readonly offsets: ReadonlyMap<Moment, number>;
}

export function http1Answer(answer: WireAnswer, framing: Framing, extra: Fields = []): Http1Answer {
  const body = Buffer.concat([answer.body, answer.webTrailers ?? Buffer.alloc(0)]);
  const framed: Fields = {
    "by length": [["content-length", String(body.length)]] as const,
    "by chunks": [["transfer-encoding", "chunked"]] as const,
    "by close": [["connection", "close"]] as const,
  }[framing];
  const pieces = new Pieces();
  pieces.add(`HTTP/1.1 ${answer.status} ${REASON[answer.status] ?? "Something"}\r\n`, "within the status line", 8);
  pieces.mark("after the status line");
  const lines = [...answer.headers, ...framed, ...extra].map(([name, value]) => `${name}: ${value}\r\n`).join("");
  pieces.add(lines, "within a header", 5);
  pieces.mark("before the end of the headers");
  pieces.add("\r\n");
  pieces.mark("after the headers");
  if (framing !== "by chunks") {
    pieces.add(body, "within the body", answer.cut);
  } else {
    const [first, second] = [body.subarray(0, answer.cut), body.subarray(answer.cut)];
    pieces.add(sizeOf(first), "within a chunk's size", 1);
    pieces.add(first, "within the body", first.length >> 1);
    pieces.add("\r\n");
    pieces.mark("between two chunks");
    pieces.add(sizeOf(second));
    pieces.add(second);
    pieces.add("\r\n");
    pieces.mark("before the last chunk");
    pieces.add("0\r\nx-trailer: 1\r\n\r\n", "within the trailers", 6);
  }
  pieces.mark("after the end");
  for (const moment of BEFORE_ANSWER) pieces.offsets.set(moment, 0);
  return { bytes: Buffer.concat(pieces.bytes), offsets: pieces.offsets };
}

/** Of two digits at least, so that there is a place within. */
function sizeOf(chunk: Buffer): string {
  return `${chunk.length.toString(16).padStart(2, "0")}\r\n`;
}

class Pieces {
  readonly bytes: Buffer[] = [];
  readonly offsets = new Map<Moment, number>();
  #length = 0;

  /** @param at where in the piece the moment is. */
  add(piece: string | Buffer, moment?: Moment, at = 0): void {
    if (moment !== undefined) this.offsets.set(moment, this.#length + at);
    const bytes = Buffer.from(piece);
    this.bytes.push(bytes);
    this.#length += bytes.length;
  }

  mark(moment: Moment): void {
    this.offsets.set(moment, this.#length);
  }
}
