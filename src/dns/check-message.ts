import { DnsError } from "./dns-client.ts";

/** Bytes that are no well-formed DNS message. */
export class MalformedAnswer extends DnsError {}

/** What a message must satisfy before dns-packet may see it. */
export interface GuardedMessage {
  /** The message with everything masked that discovery does not read; the caller's bytes are left alone. */
  readonly message: Uint8Array;
  /** The upper 8 bits of the 12-bit RCODE, if there is an OPT record (RFC 6891 section 6.1.3). */
  readonly extendedRcode: number | undefined;
}

/** Consul sends up to 997 SRV with an address each over TCP; more than this is refused. */
const MAX_RECORDS = 2048;
const HEADER_BYTES = 12;

const A = 1;
const NS = 2;
const CNAME = 5;
const SOA = 6;
const PTR = 12;
const AAAA = 28;
const SRV = 33;
const DNAME = 39;
const OPT = 41;
const IN = 1;
// RFC 6895 section 3.1, private use: nobody decodes these, so dns-packet hands out their bytes as they are.
const MASKED = 0xff00;
const MASKED_CNAME = 0xff05;
const MASKED_SRV = 0xff21;

/** As dns-packet names them: records of the class IN that lead to a name which dots and dashes cannot spell. */
export const UNSPELLABLE = { CNAME: `UNKNOWN_${MASKED_CNAME}`, SRV: `UNKNOWN_${MASKED_SRV}` } as const;

/**
 * Walks over the whole message. dns-packet's decoder trusts lengths: 23 bytes can cost it 400 ms and 200 MB, an SRV of
 * length 0 becomes one made from the next record, and an A of 3 bytes "10.0.0.undefined". What passes here decodes
 * without exceptions and with the same lengths, because record types whose decoders do not check (TXT, NAPTR, DNSKEY…),
 * other classes, and names that dots and dashes cannot spell are masked as a private-use type; an SRV or CNAME that
 * leads to such a name as one of its own, so that it can be counted.
 */
export function guard(message: Uint8Array, maxRecords = MAX_RECORDS): GuardedMessage {
  const size = message.length;
  let at = 0;
  let isSpellable = true;
  const labelStarts = new Uint8Array(size);

  const fail = (why: string): never => {
    throw new MalformedAnswer(`malformed DNS message: ${why} (byte ${at} of ${size})`);
  };
  const byte = (offset: number): number => (offset < size ? (message[offset] as number) : fail("cut short"));
  const uint16 = (offset: number): number => byte(offset) * 256 + byte(offset + 1);

  /**
   * Moves behind the name. Pointers lead backwards, else they could loop, and to a label of a name that stood there
   * (RFC 1035 section 4.1.4): not into a record's other fields, which the mask below may change.
   */
  const name = () => {
    let offset = at;
    let segment = at;
    let end = -1;
    let wireBytes = 1;
    let hops = 0;
    for (;;) {
      if (end < 0 && offset < size) labelStarts[offset] = 1;
      const length = byte(offset++);
      if (length === 0) break;
      if (length < 0x40) {
        wireBytes += length + 1;
        if (wireBytes > 255) fail("a name is longer than 255 bytes");
        if (offset + length > size) fail("a label runs past the end");
        for (const last = offset + length; offset < last; offset++) {
          const char = message[offset] as number;
          // A dot or backslash inside a label, a blank, a control or a non-ASCII byte.
          if (char <= 0x20 || char >= 0x7f || char === 0x2e || char === 0x5c) isSpellable = false;
        }
      } else if (length >= 0xc0) {
        const target = (length & 0x3f) * 256 + byte(offset++);
        if (end < 0) end = offset;
        if (target >= segment) fail("a compression pointer does not lead backwards");
        if (labelStarts[target] === 0) fail("a compression pointer does not lead to a name");
        if (++hops > 16) fail("too many compression pointers");
        offset = segment = target;
      } else fail("a label of unknown kind");
    }
    at = end < 0 ? offset : end;
  };

  const options = (end: number) => {
    while (at + 4 <= end) at += 4 + uint16(at + 2);
  };
  /** Moves to the end of the record's data, for the types whose form is known. */
  const data = (type: number, end: number) => {
    if (type === A) at += 4;
    else if (type === AAAA) at += 16;
    else if (type === CNAME || type === NS || type === PTR || type === DNAME) name();
    else if (type === SRV) {
      at += 6;
      name();
    } else if (type === SOA) {
      name();
      name();
      at += 20;
      isSpellable = true; // Its mailbox may hold a dot in the first label (RFC 1035 section 8); it is not read.
    } else if (type === OPT) options(end);
    else at = end;
    if (at !== end) fail(`the data of a record of type ${type} has the wrong length`);
  };

  if (size < HEADER_BYTES) fail("shorter than a header");
  const counts = [uint16(6), uint16(8), uint16(10)];
  const questions = uint16(4);
  const records = counts.reduce((sum, count) => sum + count, 0);
  // Before any of them is looked at: the decoder allocates by these counts.
  if (HEADER_BYTES + 5 * questions + 11 * records > size) fail("it is too short for its counts");
  if (questions + records > maxRecords) fail(`more than ${maxRecords} records`);

  at = HEADER_BYTES;
  for (let i = 0; i < questions; i++) {
    name();
    at += 4;
    if (at > size) fail("cut short");
  }

  const masked = new Map<number, number>();
  let extendedRcode: number | undefined;
  for (const [section, count] of counts.entries()) {
    for (let i = 0; i < count; i++) {
      const owner = at;
      isSpellable = true;
      name();
      const typeAt = at;
      const type = uint16(at);
      const isOwnerSpellable = isSpellable || type === SOA;
      isSpellable = true;
      const isInternet = uint16(at + 2) === IN;
      const end = at + 10 + uint16(at + 8);
      if (end > size) fail("a record runs past the end");
      if (type === OPT) {
        // RFC 6891 section 6.1.1: one, in the additional section, owned by the root.
        if (section !== 2 || byte(owner) !== 0 || extendedRcode !== undefined) fail("a misplaced OPT record");
        extendedRcode = byte(at + 4);
      }
      at += 10;
      if (type === OPT || isInternet) data(type, end);
      at = end;
      const isRead = type === A || type === AAAA || type === CNAME || type === SRV || type === SOA;
      if (!isRead || !isInternet || !isOwnerSpellable) masked.set(typeAt, MASKED);
      else if (!isSpellable) masked.set(typeAt, type === CNAME ? MASKED_CNAME : MASKED_SRV);
    }
  }
  if (at !== size) fail("bytes after the last record");
  return { message: masked.size === 0 ? message : mask(message, masked), extendedRcode };
}

function mask(message: Uint8Array, types: ReadonlyMap<number, number>): Uint8Array {
  // Not message.slice(): that of Node's Buffer shares the memory. This one copies, and keeps the runtime class.
  const copy = Uint8Array.prototype.slice.call(message) as Uint8Array;
  for (const [offset, type] of types) {
    copy[offset] = type >> 8;
    copy[offset + 1] = type & 0xff;
  }
  return copy;
}
