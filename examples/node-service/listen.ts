import type { AddressInfo, Server } from "node:net";

/** Listens on loopback; without a port, on one that is free. */
export async function listen(server: Server, port = "0"): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(Number(port), "127.0.0.1", resolve);
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
