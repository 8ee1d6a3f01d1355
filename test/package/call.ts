// What a user writes: compiled, bundled and run in projects outside the repository (consumers.test.ts).
import { type Client, createClient } from "@connectrpc/connect";
import { type BalancedTransport, type BalancedTransportOptions, createBalancedTransport } from "connect-lb";
import { EchoService } from "../support/gen/echo_pb.ts";

const options: BalancedTransportOptions = { target: process.argv[2] ?? "", tls: false };

async function main(): Promise<void> {
  const transport: BalancedTransport = createBalancedTransport(options);
  const client: Client<typeof EchoService> = createClient(EchoService, transport);
  const { text, server } = await client.get({ text: "hello" });
  console.log(
    JSON.stringify({ text, server, node: process.versions.node, endpoints: transport.snapshot().endpoints.length }),
  );
}

main().catch((error: unknown) => {
  console.log(JSON.stringify({ error: String(error) }));
});
