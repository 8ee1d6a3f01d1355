// connect-lb, by its public interface: the server is found by SRV.
import { createBalancedTransport } from "../../src/node.ts";
import { limits, wires } from "./cells.ts";
import { clientArguments, frozenConnectClient } from "./frozen-client.ts";

const { wire, kind, dnsServer, name, defaults } = clientArguments();
const { verifyAfterMs, idleMs, attemptTimeoutMs } = limits;

const transport = createBalancedTransport({
  ...wires[wire],
  target: `srv://${dnsServer}/${name}`,
  tls: false,
  ...(!defaults && { attemptTimeoutMs, connection: { verifyAfterMs, idleMs }, dns: { minTtlMs: 1_000 } }),
});
await frozenConnectClient(transport, kind);
