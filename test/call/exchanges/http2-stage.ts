import type { RawHttp2Script, RawHttp2Server, RawStream } from "../../support/raw-http2.ts";
import { type AnswerKind, textOf, type WireProtocol, wireAnswer } from "../../support/wire-answers.ts";
import { bringAbout, type Event, goesOn } from "./http2-events.ts";
import { type Moment, split } from "./http2-moments.ts";
import { turns } from "./settled.ts";
import type { Setting, Stage } from "./trial.ts";

export interface Http2Break {
  readonly protocol: WireProtocol;
  readonly answer: AnswerKind;
  readonly moment: Moment;
  readonly event: Event;
  readonly setting: Setting;
}

/** The stream after a warm-up. */
const SECOND_STREAM = 3;

export function http2Stage([faulty, good]: readonly [RawHttp2Server, RawHttp2Server], what: Http2Break): Stage {
  const { protocol, moment, event } = what;
  const all = [faulty, good];
  return {
    ports: [faulty.port, good.port],
    reset: () => all.forEach((server) => void server.play(answering(protocol), true)),
    async begin() {
      faulty.play(moment.startsWith("on the idle") ? answering(protocol) : breaking(what), false);
      if (!moment.startsWith("on the idle")) return;
      const [connection] = faulty.connections;
      if (connection === undefined) throw new Error("the connection has ended by itself");
      bringAbout(event, connection, SECOND_STREAM, undefined);
      if (moment.endsWith("seen")) await turns();
    },
    heal: () => all.forEach((server) => void server.play(answering(protocol), false)),
    requests: () => all.flatMap(({ requests }) => requests),
  };
}

function answering(protocol: WireProtocol): RawHttp2Script & Required<Pick<RawHttp2Script, "onRequest">> {
  return {
    onRequest(stream) {
      const answer = wireAnswer(protocol, "ok", textOf(protocol, stream.body));
      stream.respond(split(answer, stream.id, "after the end").sent);
    },
  };
}

function breaking({ protocol, answer, moment, event, setting }: Http2Break): RawHttp2Script {
  const good = answering(protocol);
  const isOver = (number: number): boolean => setting.servers === 1 && number > 1;
  const onConnection: RawHttp2Script["onConnection"] = (connection) => {
    if (!isOver(connection.number)) bringAbout(event, connection, 1, undefined);
  };
  if (moment === "before SETTINGS") return { ...good, onConnection };
  if (moment === "with SETTINGS") return { ...good, onSettings: onConnection };

  let exchanges = 0;
  const broken = new Set<RawStream>();
  const onHeaders = (stream: RawStream): void => {
    if (isOver(++exchanges)) return;
    broken.add(stream);
    if (moment === "within the request") bringAbout(event, stream.connection, stream.id, stream);
  };
  const onRequest = async (stream: RawStream): Promise<void> => {
    if (!broken.has(stream)) return good.onRequest(stream);
    const { sent, rest } = split(wireAnswer(protocol, answer, textOf(protocol, stream.body)), stream.id, moment);
    if (moment !== "within the request") {
      stream.respond(sent);
      if (setting.apart) await turns();
      bringAbout(event, stream.connection, stream.id, stream);
    }
    if (goesOn(event)) stream.respond(rest);
  };
  return { onHeaders, onRequest: (stream) => void onRequest(stream) };
}
