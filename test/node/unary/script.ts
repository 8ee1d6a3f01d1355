import * as http2 from "node:http2";
import { expect } from "vitest";
import { listenOnLoopback } from "../../support/loopback.ts";

/** A request as the server saw it. */
export interface SeenRequest {
  /** With the pseudo-headers, without `user-agent`, which has the version in it. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly userAgent: string | undefined;
  /** In hex. */
  body: string;
  /** The code that its stream was closed with; undefined while it is open. */
  reset: number | undefined;
}

/** Answers a request that has been read. */
export type Answer = (stream: http2.ServerHttp2Stream) => void;

/** A real HTTP/2 server that keeps what it was sent and answers what a test wants. */
export interface Http2Script extends Disposable {
  readonly port: number;
  readonly requests: readonly SeenRequest[];
  /** Connections so far, and those that are open. */
  readonly connections: number;
  readonly open: number;
  answer(next: Answer): void;
  /** Resolves when so many requests have been read. */
  seen(count: number): Promise<void>;
}

export async function startHttp2Script(first: Answer): Promise<Http2Script> {
  let answer = first;
  let connections = 0;
  let read = 0;
  const requests: SeenRequest[] = [];
  const server = http2.createServer();
  server.on("session", (session) => session.on("error", () => {}));
  server.on("sessionError", () => {});
  server.on("stream", (stream, { "user-agent": userAgent, ...headers }) => {
    const seen: SeenRequest = { headers: { ...headers }, userAgent, body: "", reset: undefined };
    requests.push(seen);
    const chunks: Buffer[] = [];
    stream.on("error", () => {});
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("close", () => {
      seen.reset = stream.rstCode;
    });
    stream.on("end", () => {
      seen.body = Buffer.concat(chunks).toString("hex");
      read += 1;
      if (!stream.destroyed) answer(stream);
    });
  });
  server.on("connection", () => {
    connections += 1;
  });
  const { port, sockets, destroy } = await listenOnLoopback(server);
  return {
    port,
    requests,
    get connections() {
      return connections;
    },
    get open() {
      return sockets.size;
    },
    answer(next) {
      answer = next;
    },
    seen: (count) => expect.poll(() => read, { interval: 1 }).toBeGreaterThanOrEqual(count),
    [Symbol.dispose]: destroy,
  };
}

/** Answers with these headers, this body and, where there are any, these trailers. */
export function respond(
  headers: http2.OutgoingHttpHeaders,
  body: Uint8Array | string = "",
  trailers?: http2.OutgoingHttpHeaders,
): Answer {
  return (stream) => {
    // HEADERS alone, with END_STREAM: gRPC's "trailers-only".
    const endStream = body.length === 0 && trailers === undefined;
    begin(stream, headers, trailers, endStream);
    if (!endStream) stream.end(body);
  };
}

/** The same, of which the test writes the body. */
export function begin(
  stream: http2.ServerHttp2Stream,
  headers: http2.OutgoingHttpHeaders,
  trailers?: http2.OutgoingHttpHeaders,
  endStream = false,
): void {
  if (trailers !== undefined) stream.on("wantTrailers", () => stream.sendTrailers(trailers));
  // Node would add the date of today.
  const dated = { date: "Thu, 01 Jan 1970 00:00:00 GMT", ...headers };
  stream.respond(dated, { waitForTrailers: trailers !== undefined, endStream });
}
