// node/ is what Node contributes, behind `Platform`: DNS sockets, HTTP requests, files, and the transports of
// endpoints over connections that survive a freeze. It is the only room that names Node's modules, each loaded when it
// is first used. It must not know of retries, or which endpoint is used: an edge runtime has a room of its own in its
// place.

import { readFile } from "node:fs/promises";
import type { Platform } from "../platform.ts";
import { systemRuntime } from "../runtime.ts";
import { protocolExports } from "./connect-node/protocol-exports.ts";
import { createNodeDnsClient } from "./dns/node-dns-client.ts";
import { createNodeEndpointTransports } from "./endpoint-transports.ts";
import { nodeHttpGet } from "./net/node-http-get.ts";

/** What Node contributes: its own sockets for DNS, connect-node's transports over guarded connections. */
export const nodePlatform: Platform = {
  runtime: systemRuntime,
  createStubResolver: (options) => createNodeDnsClient(options, systemRuntime),
  httpGet: nodeHttpGet,
  readTextFile: (path) => readFile(path, "utf8"),
  writeLog: (line) => void process.stderr.write(`${line}\n`),
  protocolExports,
  createEndpointTransports: ({ protocol, httpVersion, attemptInterceptors, connection }, listeners) =>
    createNodeEndpointTransports({
      protocol,
      httpVersion,
      interceptors: attemptInterceptors,
      ...connection,
      clock: systemRuntime.clock,
      random: systemRuntime.random,
      sleep: systemRuntime.sleep,
      ...listeners,
    }),
};
