import { type AnswerKind, type WireProtocol, wireAnswer } from "../../support/wire-answers.ts";
import { BEFORE_ANSWER, type Framing, http1Answer, MOMENTS, type Moment } from "./http1-answers.ts";
import { shapes } from "./http1-shapes.ts";
import { type Event, http1Stage } from "./http1-stage.ts";
import type { Fate, Setting, Trial } from "./trial.ts";

const SETTINGS: readonly Setting[] = [
  { servers: 2, warm: false, apart: false },
  { servers: 2, warm: true, apart: false },
  { servers: 2, warm: true, apart: true },
  { servers: 1, warm: false, apart: true },
  { servers: 1, warm: true, apart: false },
];
const METHODS = ["get", "post"] as const;
const EVENTS: readonly Event[] = ["FIN", "RST", "silence", "garbage", "another answer", "408 and FIN"];

/** Each way in which an exchange over HTTP/1.1 breaks: a good answer that stops anywhere, and a whole one that is odd. */
export function* http1Trials(protocol: "connect" | "grpc-web"): Generator<Trial> {
  for (const answer of ["ok", "error"] as const) {
    for (const framing of ["by length", "by chunks", "by close"] as const) {
      for (const moment of MOMENTS) {
        for (const event of EVENTS) {
          for (const setting of SETTINGS) {
            if (!canHappen(moment, event, framing, answer, setting)) continue;
            const fate = fateOf(moment, event, framing, setting);
            const bytes = (text: string): Buffer => {
              const { bytes, offsets } = http1Answer(wireAnswer(protocol, answer, text), framing);
              return bytes.subarray(0, offsets.get(moment));
            };
            const what = BEFORE_ANSWER.includes(moment) ? "" : `${answer} ${framing}, `;
            const name = `${what}${event} ${moment}`;
            yield* trials(name, "an answer that stops, or goes on", {
              protocol,
              answer,
              setting,
              fate,
              moment,
              event,
              once: false,
              bytes,
            });
          }
        }
      }
    }
  }
  for (const shape of shapes(protocol)) {
    for (const event of ["nothing", "FIN", "RST"] as const) {
      for (const setting of SETTINGS) {
        // What is missing would be a part of an envelope, which gRPC-web cannot parse as it is.
        if (shape.needsMore && event === "nothing" && protocol === "grpc-web") continue;
        const { name, bytes } = shape;
        const once = shape.once && (!shape.isForeign || setting.warm);
        const fate = shape.needsMore && event === "nothing" ? "deadline" : shape.fate;
        const what = { protocol, answer: shape.answer, setting, fate, once, bytes, event };
        yield* trials(`${name}, ${event}`, shape.group, { ...what, moment: "before the status line" });
      }
    }
  }
}

interface What {
  readonly protocol: WireProtocol;
  readonly answer: AnswerKind;
  readonly setting: Setting;
  readonly fate: Fate;
  readonly moment: Moment;
  readonly event: Event;
  readonly once: boolean;
  bytes(text: string): Buffer;
}

function* trials(name: string, group: string, what: What): Generator<Trial> {
  const { protocol, answer, setting, fate, once } = what;
  const { servers, warm, apart } = setting;
  const how = `${warm ? "warm" : "cold"}${apart ? ", apart" : ""}, ${servers} server${servers === 1 ? "" : "s"}`;
  for (const method of METHODS) {
    yield {
      name: `${protocol} ${method} over HTTP/1.1: ${name} (${how})`,
      group,
      protocol,
      httpVersion: "1.1",
      method,
      answer,
      setting,
      fate,
      once,
      goesOn: true,
      stage: (lane) => http1Stage(lane.http1, what),
    };
  }
}

function canHappen(moment: Moment, event: Event, framing: Framing, answer: AnswerKind, setting: Setting): boolean {
  if (moment.startsWith("on the idle") && (!setting.warm || event === "silence")) return false;
  // Taken for the answer by a client that cannot know better.
  if (event === "another answer" && moment !== "on the idle connection, seen" && moment !== "after the end")
    return false;
  // Silence from there on is silence within the request.
  if (moment === "at accept" && (setting.warm || event === "silence")) return false;
  if (BEFORE_ANSWER.includes(moment)) {
    // The same for every answer.
    return framing === "by length" && answer === "ok" && !(setting.apart && setting.servers === 2);
  }
  if (/chunk|trailers/.test(moment) && framing !== "by chunks") return false;
  if (event !== "FIN" && event !== "RST" && event !== "silence")
    return moment === "after the end" && framing !== "by close";
  // Without a length, FIN is the end wherever it comes.
  return framing !== "by close" || event === "RST" || (event === "FIN" && moment === "after the end");
}

function fateOf(moment: Moment, event: Event, framing: Framing, { servers, apart }: Setting): Fate {
  if (moment === "after the end") {
    // Together with what follows it, it may be refused.
    if ((event === "garbage" || event === "another answer") && !apart) return "open";
    return framing === "by close" && event === "RST" ? "open" : "whole";
  }
  if (moment === "on the idle connection, seen") return "unprocessed";
  if (event === "silence") return "deadline";
  // To the client this may be a connection that could not be made.
  if (moment === "at accept" && servers === 1) return "open";
  return BEFORE_ANSWER.includes(moment) && event !== "garbage" ? "ambiguous" : "open";
}
