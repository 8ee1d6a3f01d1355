import type { RawHttp1Script, RawHttp1Server, RawRequest, RawSocket } from "../../support/raw-http1.ts";
import { textOf, type WireProtocol, wireAnswer } from "../../support/wire-answers.ts";
import { http1Answer, type Moment } from "./http1-answers.ts";
import { turns } from "./settled.ts";
import type { Setting, Stage } from "./trial.ts";

/** What the server does after what it has sent. */
export type Event = "nothing" | "FIN" | "RST" | "silence" | "garbage" | "another answer" | "408 and FIN";

export interface Http1Break {
  readonly protocol: WireProtocol;
  readonly moment: Moment;
  readonly event: Event;
  readonly setting: Setting;
  /** What is sent before the event. */
  bytes(text: string): Buffer;
}

const TIMED_OUT = "HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

export function http1Stage([faulty, good]: readonly [RawHttp1Server, RawHttp1Server], what: Http1Break): Stage {
  const { protocol, moment } = what;
  const all = [faulty, good];
  return {
    ports: [faulty.port, good.port],
    reset: () => {
      for (const server of all) server.play(answering(protocol), true);
    },
    async begin() {
      faulty.play(moment.startsWith("on the idle") ? answering(protocol) : breaking(what), false);
      if (!moment.startsWith("on the idle")) return;
      const [connection] = faulty.connections;
      if (connection === undefined) throw new Error("the connection has ended by itself");
      bringAbout(what, connection);
      if (moment.endsWith("seen")) await turns();
    },
    heal: () => all.forEach((server) => void server.play(answering(protocol), false)),
    requests: () => all.flatMap(({ requests }) => requests),
  };
}

function bringAbout({ event, protocol }: Http1Break, connection: RawSocket): void {
  if (event === "garbage") connection.write(Buffer.from("\0\x16garbage\r\n\r\n"));
  if (event === "another answer") connection.write(answer(protocol, "another call's"));
  if (event === "408 and FIN") connection.write(Buffer.from(TIMED_OUT));
  if (event === "FIN" || event === "408 and FIN") connection.fin();
  if (event === "RST") connection.rst();
}

function answer(protocol: WireProtocol, text: string): Buffer {
  return http1Answer(wireAnswer(protocol, "ok", text), "by length").bytes;
}

function answering(protocol: WireProtocol): RawHttp1Script & Required<Pick<RawHttp1Script, "onRequest">> {
  return { onRequest: ({ connection, body }) => connection.write(answer(protocol, textOf(protocol, body))) };
}

function breaking(what: Http1Break): RawHttp1Script {
  const { protocol, moment, setting, bytes } = what;
  const good = answering(protocol);
  const isOver = (number: number): boolean => setting.servers === 1 && number > 1;
  let connections = 0;
  if (moment === "at accept") {
    return { ...good, onConnection: (connection) => void (isOver(++connections) || bringAbout(what, connection)) };
  }
  let exchanges = 0;
  if (moment === "within the request") {
    const mute = new Set<RawSocket>();
    return {
      onHead({ connection }) {
        if (isOver(++exchanges)) return;
        mute.add(connection);
        bringAbout(what, connection);
      },
      onRequest: (request) => void (mute.has(request.connection) || good.onRequest(request)),
    };
  }
  const onRequest = async (request: RawRequest): Promise<void> => {
    if (isOver(++exchanges)) return good.onRequest(request);
    const sent = bytes(textOf(protocol, request.body));
    if (sent.length > 0) request.connection.write(sent);
    if (setting.apart) await turns();
    bringAbout(what, request.connection);
  };
  return { onRequest: (request) => void onRequest(request) };
}
