import { type AddressInfo, createServer, type Socket } from "node:net";

/** A request on an HTTP/1.1 connection, as far as it has come. */
export interface RawRequest {
  readonly connection: RawSocket;
  readonly body: Buffer;
  /** It has been read completely: a real server would execute it now. */
  readonly complete: boolean;
  /** HTTP/1.1 has no word for it. */
  readonly disowned: false;
}

export interface RawSocket {
  write(bytes: Buffer): void;
  fin(): void;
  rst(): void;
}

export interface RawHttp1Script {
  onConnection?(connection: RawSocket): void;
  /** A request has begun: its head has arrived. */
  onHead?(request: RawRequest): void;
  /** A request has been read completely. */
  onRequest?(request: RawRequest): void;
}

export interface RawHttp1Server extends Disposable {
  readonly port: number;
  /** The requests that have begun since the last `play()`, in their order. */
  readonly requests: readonly RawRequest[];
  /** The connections that are open, the oldest first. */
  readonly connections: readonly RawSocket[];
  /** Forgets all requests and goes on with another script; ends the connections if `drop` is true. */
  play(script: RawHttp1Script, drop: boolean): void;
}

/** An HTTP/1.1 server that writes bytes by hand, so that it can stop anywhere and say anything. */
export async function startRawHttp1(): Promise<RawHttp1Server> {
  let script: RawHttp1Script = {};
  let requests: RawRequest[] = [];
  const connections = new Map<Socket, RawSocket>();
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    const connection: RawSocket = {
      write: (bytes) => void (socket.writable && socket.write(bytes)),
      fin: () => void socket.end(),
      rst: () => void socket.resetAndDestroy(),
    };
    connections.set(socket, connection);
    socket.on("error", () => {});
    socket.on("close", () => connections.delete(socket));
    socket.on("end", () => socket.end());
    script.onConnection?.(connection);
    let rest: Buffer = Buffer.alloc(0);
    let request: { connection: RawSocket; body: Buffer; complete: boolean; disowned: false } | undefined;
    let chunked = false;
    socket.on("data", (bytes) => {
      rest = Buffer.concat([rest, bytes]);
      for (;;) {
        if (request === undefined) {
          const end = rest.indexOf("\r\n\r\n");
          if (end < 0) return;
          chunked = /\r\ntransfer-encoding: chunked/i.test(rest.toString("latin1", 0, end));
          rest = rest.subarray(end + 4);
          request = { connection, body: Buffer.alloc(0), complete: false, disowned: false };
          requests.push(request);
          script.onHead?.(request);
        }
        const body = chunked ? readChunks(rest) : { bytes: Buffer.alloc(0), length: 0 };
        if (body === undefined) return;
        rest = rest.subarray(body.length);
        request.body = body.bytes;
        request.complete = true;
        const read = request;
        request = undefined;
        script.onRequest?.(read);
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
    },
    [Symbol.dispose]() {
      server.close();
      for (const socket of connections.keys()) socket.destroy();
    },
  };
}

/** A body in chunks (RFC 9112 section 7.1), and its length on the wire; undefined if it is not complete. */
function readChunks(bytes: Buffer): { bytes: Buffer; length: number } | undefined {
  const chunks: Buffer[] = [];
  for (let at = 0; ; ) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    const next = lineEnd + 2 + size + 2;
    if (bytes.length < next) return undefined;
    if (size === 0) return { bytes: Buffer.concat(chunks), length: next };
    chunks.push(bytes.subarray(lineEnd + 2, next - 2));
    at = next;
  }
}
