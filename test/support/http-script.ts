import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** An HTTP server that says whatever a test wants. */
export interface HttpScript extends AsyncDisposable {
  /** "127.0.0.1:port". */
  readonly address: string;
  readonly port: number;
  /** The requests, in the order of their arrival. */
  readonly requests: readonly IncomingMessage[];
}

export async function startHttpScript(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  listenOn = "127.0.0.1",
): Promise<HttpScript> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, listenOn, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    port,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
