import type { AnswerKind, WireProtocol } from "../../support/wire-answers.ts";
import {
  CANCEL,
  canHappen,
  EVENTS,
  type Event,
  goesOn,
  leavesOut,
  NO_ERROR,
  nameOf,
  REFUSED_STREAM,
} from "./http2-events.ts";
import { applies, isBeforeResponse, isOfConnection, isWithinBlock, MOMENTS, type Moment } from "./http2-moments.ts";
import { http2Stage } from "./http2-stage.ts";
import type { Fate, Setting, Trial } from "./trial.ts";

const SETTINGS: readonly Setting[] = [
  { servers: 2, warm: false, apart: false },
  { servers: 2, warm: true, apart: false },
  { servers: 2, warm: false, apart: true },
  { servers: 2, warm: true, apart: true },
  { servers: 1, warm: false, apart: false },
  { servers: 1, warm: true, apart: true },
];

const ANSWERS: readonly AnswerKind[] = ["ok", "error", "error in the headers"];
const METHODS = ["get", "post"] as const;

/** Each way in which an exchange over HTTP/2 breaks: what, when, and what there was besides. */
export function* http2Trials(protocol: WireProtocol): Generator<Trial> {
  for (const answer of ANSWERS) {
    for (const moment of MOMENTS) {
      if (!applies(moment, protocol, answer)) continue;
      for (const event of EVENTS) {
        for (const setting of SETTINGS) {
          if (!canHappen(event, moment, protocol, answer, setting.warm)) continue;
          // Nothing has been sent that the event could be apart from.
          if (setting.apart && setting.servers === 2 && isBeforeResponse(moment)) continue;
          for (const method of METHODS) {
            yield {
              name: describe(protocol, method, answer, moment, event, setting),
              group:
                event.kind === "RST_STREAM" || event.kind === "GOAWAY" ? event.kind : "END_STREAM, FIN, RST, silence",
              protocol,
              httpVersion: "2",
              method,
              answer,
              setting,
              fate: fateOf(event, moment, protocol, setting),
              once: false,
              // It costs a connection more, so not everywhere.
              goesOn: moment === "after the end" && event.kind !== "silence",
              stage: (lane) => http2Stage(lane.http2, { protocol, answer, moment, event, setting }),
            };
          }
        }
      }
    }
  }
}

function describe(
  protocol: string,
  method: string,
  answer: AnswerKind,
  moment: Moment,
  event: Event,
  { servers, warm, apart }: Setting,
): string {
  const what = answer === "ok" ? "" : `, ${answer}`;
  const how = `${warm ? "warm" : "cold"}${apart ? ", apart" : ""}, ${servers} server${servers === 1 ? "" : "s"}`;
  return `${protocol} ${method}${what}: ${nameOf(event)} ${moment} (${how})`;
}

function fateOf(event: Event, moment: Moment, protocol: WireProtocol, setting: Setting): Fate {
  if (moment === "after the end") return "whole";
  if (isOfConnection(moment)) return fateOfConnection(event, moment, setting);
  if (event.kind === "silence") return "deadline";
  if (!isBeforeResponse(moment)) {
    const isAnswered = goesOn(event) && "code" in event && event.code === NO_ERROR;
    return isAnswered && !isWithinBlock(moment, protocol) ? "whole" : "open";
  }
  switch (event.kind) {
    case "RST_STREAM":
      if (event.code === REFUSED_STREAM) return "unprocessed";
      // gRPC's mapping makes a status of the others: the server's answer.
      return event.code === CANCEL ? "ambiguous" : "open";
    case "GOAWAY":
      if (leavesOut(event)) return "unprocessed";
      return goesOn(event) && event.code === NO_ERROR ? "whole" : "ambiguous";
    default:
      return "ambiguous";
  }
}

function fateOfConnection(event: Event, moment: Moment, { servers }: Setting): Fate {
  // With nothing else to try the call waits for the one server.
  if (event.kind === "silence") return moment === "before SETTINGS" && servers === 2 ? "unconnected" : "deadline";
  // Nothing but the dial failed; whether one server is dialled again is another matter.
  if (moment === "before SETTINGS") return servers === 2 ? "unprocessed" : "open";
  if (moment === "with SETTINGS" && servers === 1 && !goesOn(event)) return "open";
  if (moment === "on the idle connection, seen") return "unprocessed";
  if (event.kind !== "GOAWAY") return "ambiguous";
  if (leavesOut(event)) return "unprocessed";
  return goesOn(event) && event.code === NO_ERROR ? "whole" : "ambiguous";
}
