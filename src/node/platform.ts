import { readFile } from "node:fs/promises";
import type { Platform } from "../platform.ts";
import { systemRuntime } from "../runtime.ts";
import { createNodeDnsClient } from "./dns-client.ts";
import { createNodeEndpointTransports } from "./endpoint-transport.ts";
import { nodeHttpGet } from "./http-get.ts";
import { protocolExports } from "./protocol-exports.ts";

/** What Node contributes: its own sockets for DNS, connect-node's transports over guarded connections. */
export const nodePlatform: Platform = {
  runtime: systemRuntime,
  createDnsClient: (options) => createNodeDnsClient(options, systemRuntime),
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
