import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import dnsPacket, { type DecodedPacket, type RecordType } from "dns-packet";
import { nodeDnsSockets } from "../../src/node/dns/node-dns-sockets.ts";
import { withLength } from "../support/dns-peer.ts";

/** A question that is asked past our resolver, so that a test can tell what a server does by itself. */
export interface RawQuestion {
  readonly name: string;
  readonly type: RecordType;
}

export interface RawOptions {
  readonly over?: "udp" | "tcp";
  /** The size of answers that an OPT record offers; `false`: none is sent. Default 1232. */
  readonly edns?: number | false;
  /** Whether recursion is desired. Default true. */
  readonly rd?: boolean;
  /** Default 1. */
  readonly id?: number;
  /** Another one in the same message. */
  readonly and?: RawQuestion;
  /** Default 2 s. */
  readonly waitMs?: number;
}

/** dns-packet leaves `rcode` out of its types. */
export type RawAnswer = DecodedPacket & { readonly rcode: string; readonly bytes: number };

/** The first message that comes back; `undefined` if none does. */
export function ask(port: number, question: RawQuestion, options: RawOptions = {}): Promise<RawAnswer | undefined> {
  const { over = "udp", waitMs = 2_000 } = options;
  return new Promise((resolve, reject) => {
    const done = (act: () => void) => {
      clearTimeout(timer);
      close();
      act();
    };
    const timer = setTimeout(() => done(() => resolve(undefined)), waitMs);
    const close = nodeDnsSockets[over]({ address: "127.0.0.1", port }, encode(question, options), {
      onMessage: (message) => done(() => resolve(decode(message))),
      onError: (error) => done(() => reject(error)),
    });
  });
}

/** Asks everything at once over one connection; the IDs, from 1, of the answers that came within the time, as they came. */
export async function askTogether(port: number, questions: readonly RawQuestion[], waitMs: number): Promise<number[]> {
  const socket = net.connect(port, "127.0.0.1").on("error", () => {});
  const ids: number[] = [];
  let received = Buffer.alloc(0);
  socket.write(Buffer.concat(questions.map((question, i) => withLength(encode(question, { id: i + 1 })))));
  socket.on("data", (chunk) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE()) {
      ids.push(received.readUInt16BE(2));
      received = received.subarray(2 + received.readUInt16BE());
    }
  });
  await sleep(waitMs);
  socket.destroy();
  return ids;
}

function encode(question: RawQuestion, { edns = 1232, rd = true, id = 1, and }: RawOptions): Buffer {
  const opt = { type: "OPT", name: ".", udpPayloadSize: edns || 0, extendedRcode: 0, ednsVersion: 0 } as const;
  return dnsPacket.encode({
    type: "query",
    id,
    flags: rd ? dnsPacket.RECURSION_DESIRED : 0,
    questions: and === undefined ? [question] : [question, and],
    additionals: edns === false ? [] : [{ ...opt, flags: 0, flag_do: false, options: [] }],
  });
}

function decode(message: Uint8Array): RawAnswer {
  return { ...(dnsPacket.decode(Buffer.from(message)) as RawAnswer), bytes: message.length };
}
