// The suite's runner and its client program talk in messages, each behind its length in four bytes, big-endian.
const LENGTH_BYTES = 4;

/** The messages of a byte stream. */
export async function* readFrames(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let pending = Buffer.alloc(0);
  for await (const chunk of stream) {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= LENGTH_BYTES) {
      const end = LENGTH_BYTES + pending.readUInt32BE(0);
      if (pending.length < end) break;
      yield pending.subarray(LENGTH_BYTES, end);
      pending = pending.subarray(end);
    }
  }
}

/** Length and message in one piece, so that answers given at the same time do not mix. */
export function frame(message: Uint8Array): Buffer {
  const framed = Buffer.alloc(LENGTH_BYTES + message.length);
  framed.writeUInt32BE(message.length, 0);
  framed.set(message, LENGTH_BYTES);
  return framed;
}
