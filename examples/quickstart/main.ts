// npm run example:quickstart: a DNS server and two servers, and then client.ts, which is what a user writes.
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { startDnsServer } from "../demo/dns-server.ts";
import { UserService } from "./gen/users_pb.ts";

async function startServer(name: string) {
  const server = createServer(
    connectNodeAdapter({
      routes: ({ service }) =>
        service(UserService, { getUser: ({ userId }) => ({ userId, name: `User ${userId}`, servedBy: name }) }),
    }),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { target: `${name}.users.example.com`, port: (server.address() as AddressInfo).port, address: "127.0.0.1" };
}

const dns = await startDnsServer();
dns.srv("_grpc._tcp.users.example.com", [await startServer("one"), await startServer("two")], 30);
process.env.USERS_TARGET = `srv://${dns.address}/_grpc._tcp.users.example.com`;
await import("./client.ts");
// The client would let the process end; the servers' side of its connections does not.
process.exit();
