// Bare connect-node, which is told where the server is.
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { limits, wires } from "./cells.ts";
import { clientArguments, frozenConnectClient } from "./frozen-client.ts";

const { wire, kind, baseUrl, pings } = clientArguments();
const { protocol, httpVersion } = wires[wire];
const { verifyAfterMs } = limits;

const options = { baseUrl, ...(pings && { pingIntervalMs: verifyAfterMs, pingTimeoutMs: verifyAfterMs }) };
const transport =
  protocol === "grpc" ? createGrpcTransport(options) : createConnectTransport({ ...options, httpVersion });
await frozenConnectClient(transport, kind);
