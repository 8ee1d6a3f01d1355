import { Flag, FrameType, frame } from "../../support/http2-frames.ts";
import type { RawConnection, RawStream } from "../../support/raw-http2.ts";
import type { AnswerKind, WireProtocol } from "../../support/wire-answers.ts";
import { isBeforeResponse, isOfConnection, isWithinBlock, isWithinFrame, type Moment } from "./http2-moments.ts";

/** What breaks an exchange over HTTP/2. */
export type Event =
  | { readonly kind: "RST_STREAM"; readonly code: number }
  | {
      readonly kind: "GOAWAY";
      /** One that leaves nothing out came before, as servers do that end gracefully (RFC 9113 section 6.8). */
      readonly announced: boolean;
      readonly last: LastId;
      readonly code: number;
      readonly then: After;
    }
  | { readonly kind: "END_STREAM" | "FIN" | "RST" | "silence" };
export type LastId = "0" | "the one before" | "this one" | "2^31-1";
type After = "nothing" | "FIN" | "RST";

export const NO_ERROR = 0;
export const REFUSED_STREAM = 7;
export const CANCEL = 8;
const UNKNOWN_CODE = 0xbad;

/** RFC 9113 section 7, and one that it does not know. */
const RESET_CODES = [...Array(14).keys(), UNKNOWN_CODE];
const GOAWAY_CODES = [NO_ERROR, 1, 2, REFUSED_STREAM, 11, 13];
const LAST_IDS: readonly LastId[] = ["0", "the one before", "this one", "2^31-1"];
const AFTER: readonly After[] = ["nothing", "FIN", "RST"];

export const EVENTS: readonly Event[] = [
  ...RESET_CODES.map((code) => ({ kind: "RST_STREAM", code }) as const),
  ...LAST_IDS.flatMap((last) => GOAWAY_CODES.flatMap((code) => goaways(last, code, false))),
  ...LAST_IDS.flatMap((last) => goaways(last, NO_ERROR, true)),
  { kind: "END_STREAM" },
  { kind: "FIN" },
  { kind: "RST" },
  { kind: "silence" },
];

function goaways(last: LastId, code: number, announced: boolean): Event[] {
  return AFTER.map((then) => ({ kind: "GOAWAY", announced, last, code, then }));
}

export function nameOf(event: Event): string {
  if (event.kind === "RST_STREAM") return `RST_STREAM(${event.code})`;
  if (event.kind !== "GOAWAY") return event.kind;
  const { announced, last, code, then } = event;
  return `${announced ? "announced " : ""}GOAWAY(last ${last}, code ${code})${then === "nothing" ? "" : `, ${then}`}`;
}

/** Whether the event can be brought about at the moment, and is not the same as another one. */
export function canHappen(
  event: Event,
  moment: Moment,
  protocol: WireProtocol,
  answer: AnswerKind,
  isWarm: boolean,
): boolean {
  const isIdle = moment.startsWith("on the idle");
  if (isIdle !== isWarm && isOfConnection(moment)) return false;
  if (moment === "on the idle connection, seen" && event.kind === "silence") return false;
  switch (event.kind) {
    case "RST_STREAM":
      // Node does not tell NO_ERROR from the end of the stream, and what a Connect message is cut to is a message.
      if (event.code === NO_ERROR && protocol === "connect" && !isBeforeResponse(moment)) return false;
      return !isOfConnection(moment) && !isWithinFrame(moment);
    case "GOAWAY":
      return !isWithinFrame(moment) && (isWarm || event.last !== "the one before");
    case "END_STREAM":
      // What a Connect message is cut to is a message.
      if (protocol === "connect" && answer === "ok") return false;
      if (isBeforeResponse(moment) || /interim|after the end/.test(moment)) return false;
      return !isWithinFrame(moment) && !isWithinBlock(moment, protocol);
    default:
      return true;
  }
}

/** A GOAWAY that leaves the stream out. */
export function leavesOut(event: Event): boolean {
  return event.kind === "GOAWAY" && (event.last === "0" || event.last === "the one before");
}

/** Whether the server then goes on with the exchange as if nothing had happened. */
export function goesOn(event: Event): boolean {
  return event.kind === "GOAWAY" && event.then === "nothing" && !leavesOut(event);
}

/** @param id of the stream that breaks, or of the next one on the connection. */
export function bringAbout(event: Event, connection: RawConnection, id: number, stream: RawStream | undefined): void {
  switch (event.kind) {
    case "RST_STREAM":
      stream?.reset(event.code);
      break;
    case "END_STREAM":
      stream?.respond(frame(FrameType.data, Flag.endStream, id));
      break;
    case "GOAWAY":
      if (event.announced) connection.goaway(2 ** 31 - 1, NO_ERROR);
      connection.goaway(
        { "0": 0, "the one before": id - 2, "this one": id, "2^31-1": 2 ** 31 - 1 }[event.last],
        event.code,
        event.code === NO_ERROR ? "" : "the server's reason",
      );
      if (event.then === "FIN") connection.fin();
      if (event.then === "RST") connection.rst();
      break;
    case "FIN":
      connection.fin();
      break;
    case "RST":
      connection.rst();
      break;
    case "silence":
      connection.mute();
  }
}
