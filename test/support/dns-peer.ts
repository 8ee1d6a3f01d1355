import dgram from "node:dgram";
import { once } from "node:events";
import net from "node:net";
import { hex } from "./dns-messages.ts";

/** A query as it arrived at a peer. */
export interface PeerQuery {
  readonly bytes: Buffer;
  readonly over: "udp" | "tcp";
  /** "SRV a.test": the type's number where it is none of ours. */
  readonly asks: string;
  /** Name, type and class, as they came. */
  readonly question: Buffer;
  /** Whether it has an OPT record. */
  readonly edns: boolean;
}

/** One thing that a peer does about a query; the next one follows when it is done. */
export type PeerStep =
  /** Sends a message; over TCP with its length in front. */
  | Buffer
  /** Sends it when so many queries have arrived: a delay that needs no time. */
  | { readonly late: Buffer; readonly afterQueries: number }
  /** Sends it after so many milliseconds. */
  | { readonly late: Buffer; readonly afterMs: number }
  /** UDP: sends it from another port. */
  | { readonly spoofed: Buffer }
  /** TCP: sends the bytes as they are. */
  | { readonly raw: Buffer }
  /** TCP: sends the bytes one by one, each in its own turn of the event loop, or after so many milliseconds. */
  | { readonly drip: Buffer; readonly everyMs?: number }
  /** TCP: ends the connection. */
  | "close"
  /** TCP: resets it. */
  | "reset";

export type Answering = (query: PeerQuery) => readonly PeerStep[];

/** A DNS server on loopback that says whatever a test wants, over UDP and TCP on one port. */
export interface DnsPeer extends AsyncDisposable {
  readonly port: number;
  /** "127.0.0.1:port". */
  readonly address: string;
  /** In the order of their arrival. */
  readonly queries: readonly PeerQuery[];
  /** Settles when so many have arrived. */
  asked(count: number): Promise<void>;
}

/** @param options `tcp: false`: nothing listens there, and connections are refused. */
export async function startDnsPeer(answering: Answering, options: { readonly tcp?: boolean } = {}): Promise<DnsPeer> {
  const { udp, tcp } = await onePort(options.tcp ?? true);
  const { port } = udp.address();
  const queries: PeerQuery[] = [];
  const waiting = new Set<() => void>();
  const timers = new Set<NodeJS.Timeout>();
  const sockets = new Set<net.Socket>();
  let isClosed = false;

  async function asked(count: number): Promise<void> {
    while (queries.length < count && !isClosed) await new Promise<void>((resolve) => waiting.add(resolve));
  }
  function wake(): void {
    for (const resolve of waiting) resolve();
    waiting.clear();
  }
  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => timers.add(setTimeout(resolve, ms)));
  }

  async function serve(query: PeerQuery, send: Sender): Promise<void> {
    queries.push(query);
    wake();
    for (const step of answering(query)) {
      if (typeof step === "object" && "afterQueries" in step) await asked(step.afterQueries);
      if (typeof step === "object" && "afterMs" in step) await pause(step.afterMs);
      if (isClosed) return;
      // The client may have gone; that is its own affair.
      await send(step).catch(() => {});
    }
  }

  udp.on("message", (bytes, client) => {
    void serve(readQuery(bytes, "udp"), (step) => sendDatagram(udp, step, client));
  });
  tcp?.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    let received = Buffer.alloc(0);
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE()) {
        const end = 2 + received.readUInt16BE();
        void serve(readQuery(received.subarray(2, end), "tcp"), (step) => writeSegment(socket, step));
        received = received.subarray(end);
      }
    });
  });

  return {
    port,
    address: `127.0.0.1:${port}`,
    queries,
    asked,
    async [Symbol.asyncDispose]() {
      isClosed = true;
      wake();
      for (const timer of timers) clearTimeout(timer);
      for (const socket of sockets) socket.destroy();
      udp.close();
      tcp?.close();
    },
  };
}

type Sender = (step: PeerStep) => Promise<void>;

/** UDP port 0 may be given a number that TCP has taken, so this tries again. */
async function onePort(withTcp: boolean): Promise<{ udp: dgram.Socket; tcp: net.Server | undefined }> {
  for (let tries = 0; ; tries++) {
    const udp = dgram.createSocket("udp4");
    udp.on("error", () => {});
    udp.bind(0, "127.0.0.1");
    await once(udp, "listening");
    if (!withTcp) return { udp, tcp: undefined };
    const tcp = net.createServer({ noDelay: true });
    tcp.listen(udp.address().port, "127.0.0.1");
    try {
      await once(tcp, "listening");
      return { udp, tcp };
    } catch (error) {
      udp.close();
      if (tries === 20) throw error;
    }
  }
}

async function sendDatagram(udp: dgram.Socket, step: PeerStep, client: dgram.RemoteInfo): Promise<void> {
  if (step === "close" || step === "reset" || "raw" in step || "drip" in step) throw new Error("a step of TCP");
  const isSpoofed = "spoofed" in step;
  const from = isSpoofed ? dgram.createSocket("udp4") : udp;
  await new Promise<void>((resolve) => from.send(messageOf(step), client.port, client.address, () => resolve()));
  if (isSpoofed) from.close();
}

async function writeSegment(socket: net.Socket, step: PeerStep): Promise<void> {
  if (step === "close") {
    socket.end();
  } else if (step === "reset") {
    socket.resetAndDestroy();
  } else if ("drip" in step) {
    for (const byte of step.drip) {
      await write(socket, Buffer.of(byte));
      await (step.everyMs === undefined ? nextTurn() : nextTurn(step.everyMs));
    }
  } else {
    await write(socket, "raw" in step ? step.raw : withLength(messageOf(step)));
  }
}

function messageOf(step: Exclude<PeerStep, "close" | "reset" | { raw: Buffer } | { drip: Buffer }>): Buffer {
  if ("spoofed" in step) return step.spoofed;
  return "late" in step ? step.late : step;
}

/** A timer holds no test that is over: a dripping server drips until its connection is gone. */
function nextTurn(ms?: number): Promise<void> {
  return new Promise((resolve) => {
    if (ms === undefined) setImmediate(resolve);
    else setTimeout(resolve, ms).unref();
  });
}

function write(socket: net.Socket, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}

/** As it goes over TCP (RFC 1035 section 4.2.2). */
export function withLength(message: Buffer): Buffer {
  return Buffer.concat([hex(message.length.toString(16).padStart(4, "0")), message]);
}

const TYPES: Readonly<Record<number, string>> = { 1: "A", 28: "AAAA", 33: "SRV" };

export function readQuery(bytes: Buffer, over: "udp" | "tcp"): PeerQuery {
  const labels: string[] = [];
  let at = 12;
  for (let length = bytes[at] as number; length > 0; length = bytes[at] as number) {
    labels.push(bytes.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  const type = bytes.readUInt16BE(at + 1);
  return {
    bytes,
    over,
    asks: `${TYPES[type] ?? type} ${labels.join(".")}`,
    question: bytes.subarray(12, at + 5),
    edns: bytes.readUInt16BE(10) === 1,
  };
}
