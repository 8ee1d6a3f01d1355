import type { DnsSockets } from "../../src/dns/dns-sockets.ts";
import { createStubResolver } from "../../src/dns/stub-resolver.ts";
import type { EndpointTransportFactory } from "../../src/endpoints/endpoint-transport.ts";
import type { Platform } from "../../src/platform.ts";
import type { FakeRuntime } from "./fake-runtime.ts";

/** A platform without a network: DNS over these sockets, and these transports of endpoints. */
export function fakePlatform(
  runtime: FakeRuntime,
  sockets: DnsSockets,
  createTransport: EndpointTransportFactory,
): Platform {
  return {
    runtime,
    createStubResolver: ({ servers = [], transport }) => {
      const config = { servers: servers.map((address) => ({ address, port: 53 })) };
      return createStubResolver({ servers: async () => config, sockets, runtime, transport });
    },
    httpGet: () => Promise.reject(new Error("no HTTP here")),
    readTextFile: () => Promise.reject(new Error("no files here")),
    writeLog: () => {},
    protocolExports: () => ({}),
    createEndpointTransports: () => createTransport,
  };
}
