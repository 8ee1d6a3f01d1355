// What a user writes: compiled, bundled and run in projects outside the repository (consumers.test.ts).
import { type Client, createClient } from "@connectrpc/connect";
import {
  type BalancedTransport,
  type BalancedTransportOptions,
  balancedTransportFromEnv,
  createBalancedTransport,
} from "connect-lb";
import { EchoService } from "../support/gen/echo_pb.ts";

/** From the target in the first argument, or from CONNECT_LB_TARGET. */
function create(): BalancedTransport {
  const target = process.argv[2];
  if (target === undefined) return balancedTransportFromEnv();
  const options: BalancedTransportOptions = { target, tls: false };
  return createBalancedTransport(options);
}

async function main(): Promise<void> {
  const transport = create();
  const client: Client<typeof EchoService> = createClient(EchoService, transport);
  const { text, server } = await client.get({ text: "hello" });
  console.log(
    JSON.stringify({ text, server, node: process.versions.node, endpoints: transport.snapshot().endpoints.length }),
  );
}

main().catch((error: unknown) => {
  console.log(JSON.stringify({ error: String(error) }));
});
