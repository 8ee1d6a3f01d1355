const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const FRAME_HEADER_BYTES = 9;
const HEADERS = 1;
const PING = 6;
const ACK = 1;

/**
 * Counts what a client sends and then waits for, on one connection: its flights. Over HTTP/2 a flight begins with
 * HEADERS or a PING of the client's own, and with nothing that only answers (SETTINGS, PING ACK) or steers
 * (WINDOW_UPDATE); over HTTP/1.1 with anything. What follows before the server has been heard is the same flight.
 */
export class FlightCounter {
  #count = 0;
  #underWay = false;
  #frames: Http2Frames | undefined;
  #isNew = true;

  get count(): number {
    return this.#count;
  }

  /** The client has sent this. */
  sent(chunk: Buffer): void {
    if (this.#isNew && chunk.subarray(0, 4).equals(PREFACE.subarray(0, 4))) this.#frames = new Http2Frames();
    this.#isNew = false;
    const asks = this.#frames?.asks(chunk) ?? true;
    if (!asks || this.#underWay) return;
    this.#underWay = true;
    this.#count += 1;
  }

  /** Something of the server's has reached the client. */
  delivered(): void {
    this.#underWay = false;
  }
}

/** Reads the frame headers (RFC 9113 section 4.1) of what a client sends, in whatever pieces it comes. */
class Http2Frames {
  #skip = PREFACE.length;
  #rest = Buffer.alloc(0);

  /** Whether a frame that waits for an answer begins in this piece. */
  asks(chunk: Buffer): boolean {
    let asks = false;
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const skipped = Math.min(this.#skip, this.#rest.length);
      this.#skip -= skipped;
      this.#rest = this.#rest.subarray(skipped);
      if (this.#skip > 0 || this.#rest.length < FRAME_HEADER_BYTES) return asks;
      const type = this.#rest[3];
      const flags = this.#rest[4] as number;
      asks ||= type === HEADERS || (type === PING && (flags & ACK) === 0);
      this.#skip = FRAME_HEADER_BYTES + this.#rest.readUIntBE(0, 3);
    }
  }
}
