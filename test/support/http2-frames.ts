/** HTTP/2 as bytes: frames (RFC 9113 section 6), and header blocks without compression (RFC 7541). */

export const PREFACE_BYTES = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".length;

export const FrameType = {
  data: 0,
  headers: 1,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  continuation: 9,
} as const;

export const Flag = { ack: 1, endStream: 1, endHeaders: 4 } as const;

export type Fields = readonly (readonly [name: string, value: string])[];

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

const HEADER_BYTES = 9;
const EMPTY = Buffer.alloc(0);

export function frame(type: number, flags: number, streamId: number, payload: Buffer = EMPTY): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(streamId, 5);
  return Buffer.concat([header, payload]);
}

export function data(streamId: number, payload: Buffer, flags = 0): Buffer {
  return frame(FrameType.data, flags, streamId, payload);
}

export function headers(streamId: number, fields: Fields, flags = 0): Buffer {
  return frame(FrameType.headers, Flag.endHeaders | flags, streamId, headerBlock(fields));
}

export function rstStream(streamId: number, code: number): Buffer {
  return frame(FrameType.rstStream, 0, streamId, uint32(code));
}

export function goaway(lastStreamId: number, code: number, debugData = ""): Buffer {
  return frame(FrameType.goaway, 0, 0, Buffer.concat([uint32(lastStreamId), uint32(code), Buffer.from(debugData)]));
}

/** Literals without indexing and without Huffman; `:status: 200` is the static table's. Texts of up to 126 bytes. */
export function headerBlock(fields: Fields): Buffer {
  return Buffer.concat(
    fields.map(([name, value]) => {
      if (name === ":status" && value === "200") return Buffer.of(0x88);
      return Buffer.concat([Buffer.of(0, name.length), Buffer.from(name), Buffer.of(value.length), Buffer.from(value)]);
    }),
  );
}

/** Takes a client's bytes in whatever pieces, and gives the frames that are complete. */
export class FrameReader {
  #skip = PREFACE_BYTES;
  #rest: Buffer = EMPTY;

  *read(chunk: Buffer): Generator<Frame> {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const skipped = Math.min(this.#skip, this.#rest.length);
    this.#skip -= skipped;
    this.#rest = this.#rest.subarray(skipped);
    while (this.#rest.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < end) return;
      const bytes = this.#rest;
      this.#rest = bytes.subarray(end);
      yield {
        type: bytes[3] as number,
        flags: bytes[4] as number,
        streamId: bytes.readUInt32BE(5) & 0x7fffffff,
        payload: bytes.subarray(HEADER_BYTES, end),
      };
    }
  }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
