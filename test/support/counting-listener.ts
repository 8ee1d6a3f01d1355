import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** Listens on loopback, says nothing, and counts who comes. */
export interface CountingListener extends AsyncDisposable {
  readonly port: number;
  /** How many connections had been opened before this was asked. */
  connections(): Promise<number>;
}

export async function startCountingListener(): Promise<CountingListener> {
  const accepted: Socket[] = [];
  const server = createServer((socket) => {
    accepted.push(socket.on("error", () => {}));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  let asked = 0;
  return {
    port,
    async connections() {
      // They are accepted in their order, so those before this one have been counted when it has come.
      const last = connect(port, "127.0.0.1");
      await once(last, "connect");
      while (!accepted.some(({ remotePort }) => remotePort === last.localPort)) await once(server, "connection");
      last.destroy();
      return accepted.length - ++asked;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of accepted) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
