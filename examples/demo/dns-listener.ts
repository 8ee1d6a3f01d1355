import dgram from "node:dgram";
import net from "node:net";

const UDP_MAX_BYTES = 1232; // DNS flag day 2020
export const TCP_MAX_BYTES = 65_535;

/** The answer to a message, at most so many bytes long; none to drop it. */
type Respond = (message: Buffer, maxBytes: number) => Buffer | undefined;

/** Binds TCP first; where UDP finds that port taken, another one is tried. */
export async function listen(wanted: number, respond: Respond): Promise<{ port: number; close(): Promise<void> }> {
  for (let tries = 1; ; tries++) {
    const tcp = await listenTcp(wanted, respond);
    try {
      const udp = await listenUdp(tcp.port, respond);
      return { port: tcp.port, close: async () => void (await Promise.all([udp.close(), tcp.close()])) };
    } catch (error) {
      await tcp.close();
      if (wanted !== 0 || tries === 10) throw error;
    }
  }
}

async function listenUdp(port: number, respond: Respond) {
  const socket = dgram.createSocket("udp4");
  socket.on("message", (message, from) => {
    const answer = respond(message, UDP_MAX_BYTES);
    // The callback takes the error of a client that is gone; without it the server would end.
    if (answer) socket.send(answer, from.port, from.address, () => {});
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject).bind(port, "127.0.0.1", () => {
      socket.off("error", reject).on("error", () => {});
      resolve();
    });
  });
  return { close: () => new Promise<void>((resolve) => socket.close(resolve)) };
}

async function listenTcp(port: number, respond: Respond) {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    let pending = Buffer.alloc(0);
    socket.on("close", () => sockets.delete(socket)).on("error", () => socket.destroy());
    socket.on("data", (chunk) => {
      pending = Buffer.concat([pending, chunk]);
      // Each message has its length in front (RFC 1035 section 4.2.2).
      while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
        const end = 2 + pending.readUInt16BE(0);
        const answer = respond(pending.subarray(2, end), TCP_MAX_BYTES);
        pending = pending.subarray(end);
        if (answer) socket.write(Buffer.concat([Buffer.of(answer.length >> 8, answer.length & 0xff), answer]));
      }
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      resolve();
    });
  });
  return {
    port: (server.address() as net.AddressInfo).port,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
