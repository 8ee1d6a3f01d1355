import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";
import type { Server, Subject } from "./subject.ts";
import type { Wire } from "./wire.ts";

/** connect-node as it is: what the balanced transport is compared with. */
export function createBare({ host, port }: Server, { protocol, httpVersion, tls, connect }: Wire): Subject {
  const baseUrl = `${tls === false ? "http" : "https"}://${host}:${port}`;
  const common = { ...connect, baseUrl };
  if (httpVersion === "1.1") {
    const agent = tls === false ? new HttpAgent() : new HttpsAgent();
    const create = protocol === "grpc-web" ? createGrpcWebTransport : createConnectTransport;
    const transport = create({ ...common, httpVersion, nodeOptions: { ...(tls || {}), agent } });
    return { transport, close: () => agent.destroy() };
  }
  const sessionManager = new Http2SessionManager(baseUrl, undefined, tls || {});
  const close = () => sessionManager.abort();
  if (protocol === "grpc") return { transport: createGrpcTransport({ ...common, sessionManager }), close };
  const create = protocol === "grpc-web" ? createGrpcWebTransport : createConnectTransport;
  return { transport: create({ ...common, httpVersion, sessionManager }), close };
}
