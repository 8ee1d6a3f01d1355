import type { AddressInfo, Server, Socket } from "node:net";

/** A server that listens on the loopback. */
export interface Loopback {
  readonly port: number;
  /** Its connections. */
  readonly sockets: ReadonlySet<Socket>;
  /** Ends it, and its connections at once. */
  destroy(): void;
}

/** Lets a server listen on a free port. A connection that its client leaves is its test's own affair. */
export async function listenOnLoopback(server: Pick<Server, "on" | "listen" | "address" | "close">): Promise<Loopback> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    destroy() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
