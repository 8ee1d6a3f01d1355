import { data, Flag, FrameType, frame, headerBlock, headers } from "../../support/http2-frames.ts";
import type { AnswerKind, WireAnswer, WireProtocol } from "../../support/wire-answers.ts";

/** How far an exchange has come when it breaks, over HTTP/2. */
export const MOMENTS = [
  "before SETTINGS",
  "with SETTINGS",
  "on the idle connection",
  "on the idle connection, seen",
  "within the request",
  "before the headers",
  "after an interim response",
  "within the HEADERS frame",
  "within the header block",
  "after the headers",
  "within the DATA frame",
  "within the envelope's head",
  "within the message",
  "before the end",
  "within the trailers' frame",
  "within the trailers",
  "after the end",
] as const;
export type Moment = (typeof MOMENTS)[number];

/** The connection breaks rather than the exchange. */
export function isOfConnection(moment: Moment): boolean {
  return moment.startsWith("before SETTINGS") || moment === "with SETTINGS" || moment.startsWith("on the idle");
}

/** No byte of the response has been sent. */
export function isBeforeResponse(moment: Moment): boolean {
  return isOfConnection(moment) || moment === "within the request" || moment === "before the headers";
}

/** Whatever is sent next is taken for the rest of a frame: only the connection can end, or go silent. */
export function isWithinFrame(moment: Moment): boolean {
  return moment.endsWith("frame");
}

/** No other frame may come now (RFC 9113 section 6.10). */
export function isWithinBlock(moment: Moment, protocol: WireProtocol): boolean {
  return moment === "within the header block" || (moment === "within the trailers" && protocol === "grpc");
}

/** Whether an answer of this kind passes through the moment. */
export function applies(moment: Moment, protocol: WireProtocol, answer: AnswerKind): boolean {
  const isEnvelope = protocol !== "connect";
  if (answer === "error in the headers") {
    return (
      protocol === "grpc" && ["within the HEADERS frame", "within the header block", "after the end"].includes(moment)
    );
  }
  // What breaks before the answer is the same for each.
  if (answer === "error" && (isBeforeResponse(moment) || moment === "after an interim response")) return false;
  return isEnvelope || !(moment === "within the envelope's head" || moment.includes("trailers"));
}

/** The answer in two parts: what has been sent at the moment, and what has not. */
export function split(answer: WireAnswer, id: number, moment: Moment): { sent: Buffer; rest: Buffer } {
  const fields = [[":status", String(answer.status)], ...answer.headers] as const;
  const { body, trailers, webTrailers = Buffer.alloc(0) } = answer;
  const isHeadersOnly = body.length === 0;
  const head = headers(id, fields, isHeadersOnly ? Flag.endStream : 0);
  const end = trailers === undefined ? data(id, webTrailers, Flag.endStream) : headers(id, trailers, Flag.endStream);
  const tail = isHeadersOnly ? [] : [data(id, body), end];
  const cutBody = (at: number, sent: boolean) => (sent ? data(id, body.subarray(0, at)) : data(id, body.subarray(at)));

  switch (moment) {
    case "after an interim response":
      return parts([headers(id, [[":status", "103"]])], [head, ...tail]);
    case "within the HEADERS frame":
      return parts([half(head)], [half(head, true), ...tail]);
    case "within the header block": {
      const [first, second] = block(id, fields, isHeadersOnly);
      return parts([first], [second, ...tail]);
    }
    case "after the headers":
      return parts([head], tail);
    case "within the DATA frame":
      return parts([head, half(data(id, body))], [half(data(id, body), true), end]);
    case "within the envelope's head":
      return parts([head, cutBody(3, true)], [cutBody(3, false), end]);
    case "within the message":
      return parts([head, cutBody(answer.cut, true)], [cutBody(answer.cut, false), end]);
    case "before the end":
      return parts([head, data(id, body)], [end]);
    case "within the trailers' frame":
      return parts([head, data(id, body), half(end)], [half(end, true)]);
    case "within the trailers": {
      const at = webTrailers.length >> 1;
      const [first, second] =
        trailers === undefined
          ? [data(id, webTrailers.subarray(0, at)), data(id, webTrailers.subarray(at), Flag.endStream)]
          : block(id, trailers, true);
      return parts([head, data(id, body), first], [second]);
    }
    case "after the end":
      return parts([head, ...tail], []);
    default:
      return parts([], [head, ...tail]);
  }
}

type Two = readonly [Buffer, Buffer];

/** A header block in two frames. */
function block(id: number, fields: Parameters<typeof headerBlock>[0], endStream: boolean): Two {
  const bytes = headerBlock(fields);
  // Within the first field with a text: Node 24 aborts the process (nodejs/node#39951) when it collects a session that
  // died with whole ones.
  const at = 4;
  return [
    frame(FrameType.headers, endStream ? Flag.endStream : 0, id, bytes.subarray(0, at)),
    frame(FrameType.continuation, Flag.endHeaders, id, bytes.subarray(at)),
  ];
}

function half(bytes: Buffer, second = false): Buffer {
  // Behind the frame's own head.
  const at = 9 + ((bytes.length - 9) >> 1);
  return second ? bytes.subarray(at) : bytes.subarray(0, at);
}

function parts(sent: Buffer[], rest: Buffer[]): { sent: Buffer; rest: Buffer } {
  return { sent: Buffer.concat(sent), rest: Buffer.concat(rest) };
}
