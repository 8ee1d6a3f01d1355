import { startDnsServer } from "../../examples/demo/dns-server.ts";
import { startEchoServer } from "../support/servers.ts";

/** A server for the first call, and the targets that lead to it. */
export interface FirstServer extends AsyncDisposable {
  /** By scheme. */
  readonly targets: { readonly static: string; readonly srv: string };
}

export async function startFirstServer(): Promise<FirstServer> {
  const server = await startEchoServer({ httpVersion: "2" });
  const dns = await startDnsServer();
  dns.srv("_grpc._tcp.users.test", [{ target: "one.users.test", port: server.port, address: "127.0.0.1" }], 30);
  return {
    targets: {
      static: `static:///127.0.0.1:${server.port}`,
      srv: `srv://${dns.address}/_grpc._tcp.users.test`,
    },
    async [Symbol.asyncDispose]() {
      server.kill();
      await dns.close();
    },
  };
}
