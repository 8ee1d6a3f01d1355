import { readFile } from "node:fs/promises";
import type { Platform } from "../platform.ts";
import { createNodeDnsClient } from "./dns-client.ts";
import { createNodeEndpointTransports } from "./endpoint-transport.ts";
import { nodeHttpGet } from "./http-get.ts";
import { protocolExports } from "./protocol-exports.ts";
import { nodeRuntime } from "./runtime.ts";

/** What Node contributes: its own sockets for DNS, connect-node's transports over guarded connections. */
export const nodePlatform: Platform = {
  runtime: nodeRuntime,
  createDnsClient: (options) => createNodeDnsClient(options, nodeRuntime),
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
      clock: nodeRuntime.clock,
      random: nodeRuntime.random,
      ...listeners,
    }),
};
