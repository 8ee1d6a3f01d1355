import { setTimeout as sleep } from "node:timers/promises";
import { data, type Fields, Flag, headers } from "../../support/http2-frames.ts";
import type { RawConnection, RawHttp2Script, RawStream } from "../../support/raw-http2.ts";
import type { Protocol } from "./paths.ts";
import { envelope, messageOf } from "./wire.ts";

/** A server, or a socket, that misbehaves. */
export interface Break {
  readonly name: string;
  readonly protocol: Protocol;
  /** "ok", or the name of the error's code. */
  readonly ends: string;
  readonly script: RawHttp2Script;
  /** The call makes the connection. */
  readonly isCold?: boolean;
  /** Nothing listens any more. */
  readonly isGone?: boolean;
  /** What happens to the idle connection, just before the call. */
  readonly idle?: (connection: RawConnection) => void;
  readonly timeoutMs?: number;
  /** When the caller aborts, after so many milliseconds. */
  readonly abortMs?: number;
}

/** What a response has come to when it breaks. */
const MOMENTS = ["before the response", "after its headers", "after its message"] as const;
type Moment = (typeof MOMENTS)[number];

interface Event {
  readonly name: string;
  readonly ends: string;
  /** How a call ends whose response had not begun, where that is another matter. */
  readonly endsBefore?: string;
  /** How a call by Connect ends whose response had begun: no trailers show that a response is complete. */
  readonly endsConnect?: string;
  happen(stream: RawStream): void;
}

const [NO_ERROR, INTERNAL_ERROR, REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM] = [0, 2, 7, 8, 11];
const LAST_CODE = 13;
const GARBAGE = Buffer.alloc(200, 0xff);

function* events(): Generator<Event> {
  for (let code = NO_ERROR; code <= LAST_CODE + 1; code++) {
    yield {
      name: `RST_STREAM ${code}`,
      ends: code === CANCEL ? "Aborted" : "Internal",
      ...(code === NO_ERROR && { endsConnect: "ok" }),
      happen: (stream) => stream.reset(code),
    };
  }
  for (const code of [NO_ERROR, INTERNAL_ERROR, ENHANCE_YOUR_CALM]) {
    yield { name: `GOAWAY ${code} below it and FIN`, ends: "Internal", happen: leaveAndFin(code, () => 0) };
    const ends = code === NO_ERROR ? "Aborted" : "Internal";
    yield { name: `GOAWAY ${code} up to it and FIN`, ends, happen: leaveAndFin(code, (id) => id) };
  }
  yield {
    name: "RST_STREAM 7 after a GOAWAY",
    ends: "Internal",
    happen(stream) {
      stream.connection.goaway(stream.id, NO_ERROR);
      stream.reset(REFUSED_STREAM);
    },
  };
  yield { name: "FIN", ends: "Aborted", happen: ({ connection }) => connection.fin() };
  yield { name: "RST", ends: "Aborted", happen: ({ connection }) => connection.rst() };
  yield { name: "bytes that are no frame", ends: "Internal", happen: ({ connection }) => connection.write(GARBAGE) };
  const respond = (fields: Fields) => (stream: RawStream) => stream.respond(headers(stream.id, fields));
  // The first one, before the response, has no content type; its stream stays open.
  yield { name: "a response", ends: "Internal", endsBefore: "Unknown", happen: respond([[":status", "200"]]) };
  yield { name: "a response without a status", ends: "Internal", happen: respond([["x", "1"]]) };
  yield {
    name: "END_STREAM",
    ends: "Internal",
    endsConnect: "ok",
    happen: (stream) => stream.respond(data(stream.id, Buffer.alloc(0), Flag.endStream)),
  };
  yield { name: "nothing", ends: "DeadlineExceeded", happen: () => {} };
}

function endOf({ ends, endsBefore, endsConnect }: Event, protocol: Protocol, moment: Moment): string {
  if (moment === "before the response") return endsBefore ?? ends;
  return protocol === "connect" ? (endsConnect ?? ends) : ends;
}

function leaveAndFin(code: number, lastOf: (id: number) => number): Event["happen"] {
  return ({ connection, id }) => {
    connection.goaway(lastOf(id), code);
    connection.fin();
  };
}

const TYPES = { connect: "application/proto", grpc: "application/grpc+proto" } as const;

function bodyOf(protocol: Protocol): Buffer {
  return protocol === "connect" ? messageOf("hi") : envelope(messageOf("hi"));
}

function begin(stream: RawStream, protocol: Protocol, moment: Moment): void {
  if (moment === "before the response") return;
  stream.respond(
    headers(stream.id, [
      [":status", "200"],
      ["content-type", TYPES[protocol]],
    ]),
  );
  if (moment === "after its message") stream.respond(data(stream.id, bodyOf(protocol)));
}

/** A whole answer. */
export function answer(stream: RawStream, protocol: Protocol): void {
  begin(stream, protocol, "after its message");
  const trailers: Fields = [["grpc-status", "0"]];
  if (protocol === "grpc") stream.respond(headers(stream.id, trailers, Flag.endStream));
  else stream.respond(data(stream.id, Buffer.alloc(0), Flag.endStream));
}

export function breaks(): Break[] {
  return (["connect", "grpc"] as const).flatMap((protocol) =>
    [...ofStreams(protocol), ...ofConnections(protocol), ...late(protocol)].map((one) => ({
      ...one,
      protocol,
      name: `${protocol}, ${one.name}`,
    })),
  );
}

type Unnamed = Omit<Break, "protocol">;

function* ofStreams(protocol: Protocol): Generator<Unnamed> {
  for (const event of events()) {
    for (const moment of MOMENTS) {
      const onRequest = (stream: RawStream) => {
        begin(stream, protocol, moment);
        event.happen(stream);
      };
      const limit = event.name === "nothing" && { timeoutMs: 30 };
      const ends = endOf(event, protocol, moment);
      yield { name: `${event.name} ${moment}`, ends, script: { onRequest }, ...limit };
    }
  }
}

function* ofConnections(protocol: Protocol): Generator<Unnamed> {
  const onRequest = (stream: RawStream) => answer(stream, protocol);
  const good = { onRequest };
  yield { name: "nothing is wrong", ends: "ok", script: good };
  yield { name: "a connection is made", ends: "ok", isCold: true, script: good };
  yield {
    name: "FIN at accept",
    ends: "Unavailable",
    isCold: true,
    script: { ...good, onConnection: (one) => one.fin() },
  };
  yield {
    name: "RST at accept",
    ends: "Unavailable",
    isCold: true,
    script: { ...good, onConnection: (one) => one.rst() },
  };
  yield {
    name: "GOAWAY at accept",
    ends: "Internal",
    isCold: true,
    script: { ...good, onSettings: (one) => one.goaway(0, NO_ERROR) },
  };
  const mute = { ...good, onConnection: (one: RawConnection) => one.mute() };
  yield { name: "a deadline while connecting", ends: "DeadlineExceeded", isCold: true, script: mute, timeoutMs: 30 };
  yield { name: "aborted while connecting", ends: "Canceled", isCold: true, script: mute, abortMs: 30 };
  for (const [event, [ends, idle]] of Object.entries(ON_IDLE)) {
    yield { name: `${event} on the idle connection`, ends, script: good, idle };
  }
}

/** The call is sent before the client has noticed. */
const ON_IDLE: Readonly<Record<string, readonly [ends: string, happen: (connection: RawConnection) => void]>> = {
  FIN: ["Aborted", (one) => one.fin()],
  RST: ["Aborted", (one) => one.rst()],
  GOAWAY: ["Internal", (one) => one.goaway(0, NO_ERROR)],
  "GOAWAY with an error": ["Internal", (one) => one.goaway(0, INTERNAL_ERROR)],
  "bytes that are no frame": ["Internal", (one) => one.write(GARBAGE)],
};

/** What comes when the call has been settled. */
function* late(protocol: Protocol): Generator<Unnamed> {
  const limits = { deadline: ["DeadlineExceeded", { timeoutMs: 30 }], abort: ["Canceled", { abortMs: 30 }] } as const;
  const events: Readonly<Record<string, (stream: RawStream) => void>> = {
    "an answer": (stream) => answer(stream, protocol),
    RST_STREAM: (stream) => stream.reset(INTERNAL_ERROR),
    CANCEL: (stream) => stream.reset(CANCEL),
    RST: ({ connection }) => connection.rst(),
  };
  for (const [how, [ends, limit]] of Object.entries(limits)) {
    for (const [event, happen] of Object.entries(events)) {
      const onRequest = (stream: RawStream) => void sleep(60).then(() => happen(stream));
      yield { name: `${event} after the ${how}`, ends, script: { onRequest }, ...limit };
    }
  }
}
