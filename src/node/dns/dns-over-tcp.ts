import { connect } from "node:net";
import type { DnsSockets } from "../../dns/dns-sockets.ts";
import { LARGE_BYTES, oneATurn } from "../one-a-turn.ts";

/** One query over one connection (RFC 7766). Reuse would not pay: servers close after 2 to 10 idle seconds. */
export const openDnsOverTcp: DnsSockets["tcp"] = (server, query, listener) => {
  const socket = connect({ host: server.address, port: server.port, noDelay: true }).unref();
  let isOpen = true;
  const close = () => {
    isOpen = false;
    socket.destroy();
  };
  const fail = (error: Error) => {
    if (isOpen) listener.onError(error);
    close();
  };
  const frames = createFrameReader();
  socket.on("error", fail);
  socket.on("close", () => fail(new Error("the connection was closed before the answer")));
  socket.on("data", (chunk) => {
    for (const message of frames(chunk)) {
      const deliver = () => isOpen && listener.onMessage(message);
      if (message.length < LARGE_BYTES) deliver();
      else oneATurn(deliver);
    }
  });
  // Length and message in one write: there are servers that read only once (RFC 7766 section 8).
  const frame = new Uint8Array(2 + query.length);
  frame.set([query.length >> 8, query.length & 0xff]);
  frame.set(query, 2);
  socket.write(frame);
  return close;
};

/** Takes the stream apart into messages, wherever it was cut. Messages of no bytes are skipped. */
function createFrameReader(): (chunk: Buffer) => Buffer[] {
  let chunks: Buffer[] = [];
  let buffered = 0;
  return (chunk) => {
    chunks.push(chunk);
    buffered += chunk.length;
    const messages: Buffer[] = [];
    for (let needed = 2; buffered >= needed; needed = 2) {
      // Joined only when something is complete: a message that drips in is not copied for each byte.
      const length = (byteAt(chunks, 0) << 8) | byteAt(chunks, 1);
      if (buffered < 2 + length) break;
      const all = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
      if (length > 0) messages.push(all.subarray(2, 2 + length));
      chunks = [all.subarray(2 + length)];
      buffered -= 2 + length;
    }
    return messages;
  };
}

function byteAt(chunks: Buffer[], index: number): number {
  const [first, second] = chunks.filter((chunk) => chunk.length > 0);
  const isInFirst = first !== undefined && index < first.length;
  return (isInFirst ? first[index] : second?.[index - (first?.length ?? 0)]) ?? 0;
}
