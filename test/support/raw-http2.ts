import { type AddressInfo, createServer, type Socket } from "node:net";
import { Flag, FrameReader, FrameType, frame, goaway, rstStream } from "./http2-frames.ts";

const REFUSED_STREAM = 7;

/** A request on an HTTP/2 connection, as far as it has come. */
export interface RawStream {
  readonly id: number;
  readonly connection: RawConnection;
  /** The DATA so far. */
  readonly body: Buffer;
  /** Its END_STREAM has arrived: a real server would execute it now. */
  readonly complete: boolean;
  /** The server has said, before any byte of the response, that it does not process it (RFC 9113 section 8.7). */
  readonly disowned: boolean;
  /** Bytes of its response, whole frames or not. */
  respond(bytes: Buffer): void;
  reset(code: number): void;
}

export interface RawConnection {
  /** From 1. */
  readonly number: number;
  write(bytes: Buffer): void;
  goaway(lastStreamId: number, code: number, debugData?: string): void;
  fin(): void;
  rst(): void;
  /** Nothing is written any more, PING and SETTINGS acknowledgements included. */
  mute(): void;
}

/** What a raw server does. It reads frames, keeps count and acknowledges SETTINGS and PING by itself. */
export interface RawHttp2Script {
  /** Before the server's SETTINGS are written; what the script does with the connection comes first. */
  onConnection?(connection: RawConnection): void;
  /** With the server's SETTINGS written. */
  onSettings?(connection: RawConnection): void;
  /** A request has begun: its HEADERS have arrived. */
  onHeaders?(stream: RawStream): void;
  /** A request has been read completely. */
  onRequest?(stream: RawStream): void;
}

export interface RawHttp2Server extends Disposable {
  readonly port: number;
  /** The requests that have begun since the last `play()`, in their order. */
  readonly requests: readonly RawStream[];
  /** The connections that are open, the oldest first. */
  readonly connections: readonly RawConnection[];
  /** Forgets all requests and goes on with another script; ends the connections if `drop` is true. */
  play(script: RawHttp2Script, drop: boolean): void;
}

/** An HTTP/2 server that writes its frames by hand, so that it can stop anywhere and say anything. */
export async function startRawHttp2(): Promise<RawHttp2Server> {
  let script: RawHttp2Script = {};
  let requests: Stream[] = [];
  let accepted = 0;
  const connections = new Map<Socket, Connection>();
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    const connection = new Connection(socket, ++accepted);
    connections.set(socket, connection);
    socket.on("error", () => {});
    socket.on("close", () => connections.delete(socket));
    socket.on("end", () => socket.end());
    script.onConnection?.(connection);
    connection.write(frame(FrameType.settings, 0, 0));
    script.onSettings?.(connection);
    const reader = new FrameReader();
    const open = new Map<number, Stream>();
    socket.on("data", (chunk) => {
      for (const { type, flags, streamId, payload } of reader.read(chunk)) {
        if (type === FrameType.settings && (flags & Flag.ack) === 0) connection.write(frame(type, Flag.ack, 0));
        if (type === FrameType.ping && (flags & Flag.ack) === 0) connection.write(frame(type, Flag.ack, 0, payload));
        if (type === FrameType.headers) {
          const stream = new Stream(connection, streamId);
          open.set(streamId, stream);
          requests.push(stream);
          script.onHeaders?.(stream);
        }
        const stream = open.get(streamId);
        if (stream === undefined || stream.complete) continue;
        if (type === FrameType.data) stream.body = Buffer.concat([stream.body, payload]);
        if ((type === FrameType.data || type === FrameType.headers) && (flags & Flag.endStream) !== 0) {
          stream.complete = true;
          script.onRequest?.(stream);
        }
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    get requests() {
      return requests;
    },
    get connections() {
      return [...connections.values()];
    },
    play(next, drop) {
      script = next;
      requests = [];
      if (drop) for (const socket of connections.keys()) socket.destroy();
      accepted = drop ? 0 : accepted;
    },
    [Symbol.dispose]() {
      server.close();
      for (const socket of connections.keys()) socket.destroy();
    },
  };
}

class Connection implements RawConnection {
  readonly number: number;
  readonly #socket: Socket;
  #muted = false;
  /** Streams above this one are not processed. */
  lastStreamId = Number.POSITIVE_INFINITY;
  /** Requests whose response has begun. */
  readonly begun = new Set<number>();
  readonly refused = new Set<number>();

  constructor(socket: Socket, number: number) {
    this.#socket = socket;
    this.number = number;
  }

  write(bytes: Buffer): void {
    if (!this.#muted && this.#socket.writable) this.#socket.write(bytes);
  }

  goaway(lastStreamId: number, code: number, debugData?: string): void {
    if (!this.#muted) this.lastStreamId = Math.min(this.lastStreamId, lastStreamId);
    this.write(goaway(lastStreamId, code, debugData));
  }

  fin(): void {
    this.#socket.end();
    this.#muted = true;
  }

  rst(): void {
    this.#muted = true;
    this.#socket.resetAndDestroy();
  }

  mute(): void {
    this.#muted = true;
  }
}

class Stream implements RawStream {
  readonly connection: Connection;
  readonly id: number;
  body: Buffer = Buffer.alloc(0);
  complete = false;

  constructor(connection: Connection, id: number) {
    this.connection = connection;
    this.id = id;
  }

  get disowned(): boolean {
    const { refused, lastStreamId, begun } = this.connection;
    return refused.has(this.id) || (this.id > lastStreamId && !begun.has(this.id));
  }

  respond(bytes: Buffer): void {
    // What came first counts: a response after the word is the server's lie, and a word after a response is none.
    if (bytes.length > 0 && !this.disowned) this.connection.begun.add(this.id);
    this.connection.write(bytes);
  }

  reset(code: number): void {
    if (code === REFUSED_STREAM && !this.connection.begun.has(this.id)) this.connection.refused.add(this.id);
    this.connection.write(rstStream(this.id, code));
  }
}
