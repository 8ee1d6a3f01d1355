import { createServer as createHealthServer } from "node:http";
import { createServer } from "node:http2";
import type { AddressInfo, Server } from "node:net";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { UserService } from "../quickstart/gen/users_pb.ts";
import type { ConsulAgent } from "./agent.ts";

/** One instance of the service: a Connect server, and beside it the page that Consul's health check asks. */
export interface Instance {
  readonly name: string;
  healthy: boolean;
}

export async function startInstance(name: string, agent: ConsulAgent): Promise<Instance> {
  const instance = { name, healthy: true };
  const port = await listen(
    createServer(
      connectNodeAdapter({
        routes: ({ service }) =>
          service(UserService, { getUser: ({ userId }) => ({ userId, name: `User ${userId}`, servedBy: name }) }),
      }),
    ),
  );
  // A page of its own, because Consul asks over HTTP/1.1, and the service speaks HTTP/2 in cleartext.
  const healthPort = await listen(
    createHealthServer((_, response) => response.writeHead(instance.healthy ? 200 : 503).end()),
  );
  await agent.put("/v1/agent/service/register", {
    Name: "users",
    ID: name,
    Address: "127.0.0.1",
    Port: port,
    Check: { HTTP: `http://127.0.0.1:${healthPort}/`, Interval: "1s", Timeout: "500ms", Status: "passing" },
  });
  return instance;
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}
