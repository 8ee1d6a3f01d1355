// A default import: dns-packet is CommonJS, and its whole exports object is what every loader and bundler gives for it.
import dnsPacket from "dns-packet";
import { canonicalIp } from "../net/ip-address.ts";
import { guard, MalformedAnswer, UNSPELLABLE } from "./check-message.ts";
import { canonicalName, checkName } from "./name.ts";

export interface Question {
  readonly name: string;
  readonly type: "SRV" | "A" | "AAAA";
}

export interface Query extends Question {
  readonly id: number;
  /** Whether it has an OPT record (RFC 6891). */
  readonly edns: boolean;
  readonly bytes: Uint8Array;
}

/** A record of the class IN; names are lower case, without the final dot. */
export type DnsRecord = { readonly name: string; readonly ttlSeconds: number } & (
  | { readonly type: "A" | "AAAA"; readonly address: string }
  | { readonly type: "CNAME"; readonly target: string }
  | {
      readonly type: "SRV";
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly target: string;
    }
  | { readonly type: "SOA"; readonly minimumSeconds: number }
  /** It leads to a name that cannot be told in text. */
  | { readonly type: "unspellable"; readonly of: "CNAME" | "SRV" }
);

export interface DnsMessage {
  readonly truncated: boolean;
  readonly authoritative: boolean;
  readonly recursionAvailable: boolean;
  /** All 12 bits: dns-packet's own is cut to 4, which makes BADVERS an empty success. */
  readonly rcode: number;
  readonly answers: readonly DnsRecord[];
  /** Of all types, and those with names that cannot be told in text: an answer of nothing else is not an empty one. */
  readonly answerCount: number;
  readonly authorities: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
}

export const NOERROR = 0;
export const FORMERR = 1;
export const NXDOMAIN = 3;
export const NOTIMP = 4;
export const BADVERS = 16;

const RCODES = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];

export function rcodeName(rcode: number): string {
  return RCODES[rcode] ?? (rcode === BADVERS ? "BADVERS" : `RCODE ${rcode}`);
}

/** Fragments of larger datagrams get lost (DNS flag day 2020, RFC 9715). */
const UDP_PAYLOAD_BYTES = 1232;
const HEADER_BYTES = 12;

export function encodeQuery(question: Question, id: number, edns: boolean): Query {
  const name = checkName(question.name);
  const bytes = dnsPacket.encode({
    type: "query",
    id,
    // Always: forwarders refuse questions without it.
    flags: dnsPacket.RECURSION_DESIRED,
    questions: [{ name, type: question.type, class: "IN" }],
    additionals: edns ? [{ ...OPT_RECORD, options: [] }] : [],
  });
  return { name, type: question.type, id, edns, bytes };
}

const OPT_RECORD = {
  name: ".",
  type: "OPT",
  udpPayloadSize: UDP_PAYLOAD_BYTES,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
} as const;

/**
 * The answer to this query; undefined for a message that is not (whoever sent it, the real one may still come: RFC 5452
 * section 4); a `MalformedAnswer` for one that claims to be, and is broken.
 */
export function readAnswer(query: Query, bytes: Uint8Array): DnsMessage | undefined {
  if (bytes.length < HEADER_BYTES || uint16(bytes, 0) !== query.id) return undefined;
  const flags = uint16(bytes, 2);
  const isResponse = (flags & 0x8000) !== 0;
  const opcode = (flags >> 11) & 0xf;
  if (!isResponse || opcode !== 0 || !hasQuestion(query, bytes, flags & 0xf)) return undefined;

  const { message, extendedRcode = 0 } = guard(bytes);
  const packet = decode(message);
  return {
    truncated: (flags & dnsPacket.TRUNCATED_RESPONSE) !== 0,
    authoritative: (flags & dnsPacket.AUTHORITATIVE_ANSWER) !== 0,
    recursionAvailable: (flags & dnsPacket.RECURSION_AVAILABLE) !== 0,
    rcode: (extendedRcode << 4) | (flags & 0xf),
    answers: toRecords(packet.answers),
    answerCount: packet.answers?.length ?? 0,
    authorities: toRecords(packet.authorities),
    additionals: toRecords(packet.additionals),
  };
}

const uint16 = (bytes: Uint8Array, at: number) => (bytes[at] as number) * 256 + (bytes[at + 1] as number);

/** The question's bytes come back as sent, but for the case of its letters. */
function hasQuestion(query: Query, bytes: Uint8Array, rcode: number): boolean {
  const count = uint16(bytes, 4);
  // A server that could not read the query has no question to repeat; some repeat none with any error.
  if (count === 0) return rcode !== NOERROR && rcode !== NXDOMAIN;
  const typeAt = HEADER_BYTES + query.name.length + 2;
  if (count !== 1 || bytes.length < typeAt + 4) return false;
  for (let i = HEADER_BYTES; i < typeAt + 4; i++) {
    const [sent, got] = [query.bytes[i] as number, bytes[i] as number];
    const isLetter = i < typeAt && got >= 0x41 && got <= 0x5a; // Length bytes are below "A".
    if (sent !== (isLetter ? got + 0x20 : got)) return false;
  }
  return true;
}

function decode(message: Uint8Array) {
  try {
    // On Node the bytes of a socket are a Buffer, which is what dns-packet needs; this file must not name that class.
    return dnsPacket.decode(message as Parameters<typeof dnsPacket.decode>[0]);
  } catch (error) {
    throw new MalformedAnswer("malformed DNS message: it cannot be decoded", { cause: error });
  }
}

function toRecords(answers: ReturnType<typeof decode>["answers"]): DnsRecord[] {
  return (answers ?? []).flatMap((answer): DnsRecord[] => {
    if (answer.type === "OPT") return [];
    const owner = { name: canonicalName(answer.name), ttlSeconds: toTtl(answer.ttl ?? 0) };
    switch (answer.type as string) {
      case UNSPELLABLE.CNAME:
        return [{ ...owner, type: "unspellable", of: "CNAME" }];
      case UNSPELLABLE.SRV:
        return [{ ...owner, type: "unspellable", of: "SRV" }];
    }
    switch (answer.type) {
      case "A":
      case "AAAA": {
        const address = canonicalIp(answer.data);
        return address === undefined ? [] : [{ ...owner, type: answer.type, address }];
      }
      case "CNAME":
        return [{ ...owner, type: "CNAME", target: canonicalName(answer.data) }];
      case "SRV": {
        const { priority = 0, weight = 0, port, target } = answer.data;
        return [{ ...owner, type: "SRV", priority, weight, port, target: canonicalName(target) }];
      }
      case "SOA":
        return [{ ...owner, type: "SOA", minimumSeconds: toTtl(answer.data.minimum ?? 0) }];
      default:
        return [];
    }
  });
}

/** With the top bit set it is 0 (RFC 2181 section 8). */
function toTtl(seconds: number): number {
  return seconds > 0x7fff_ffff ? 0 : seconds;
}
