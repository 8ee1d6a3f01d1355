import { createServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import { createClient } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { balancedTransportFromEnv } from "connect-lb";
import { UserService } from "../quickstart/gen/users_pb.ts";
import { drainable } from "./drain.ts";
import { OrderService, ProfileService } from "./gen/profiles_pb.ts";
import { listen } from "./listen.ts";

// CONNECT_LB_USERS_TARGET, CONNECT_LB_ORDERS_TARGET, and what the one or the other, or both, are told besides.
const transports = { users: balancedTransportFromEnv("users"), orders: balancedTransportFromEnv("orders") };
const users = createClient(UserService, transports.users);
const orders = createClient(OrderService, transports.orders);

const server = createHttp2Server(
  connectNodeAdapter({
    routes: ({ service }) =>
      service(ProfileService, {
        // The caller's deadline ends the calls that are made for it, and so does its going away.
        async getProfile({ userId }, { signal }) {
          const [user, list] = await Promise.all([
            users.getUser({ userId }, { signal }),
            orders.listOrders({ userId }, { signal }),
          ]);
          return { name: user.name, orders: list.orders };
        },
      }),
  }),
);
const drain = drainable(server);

/** For who operates the service, not for its callers: it names addresses. */
const status = createServer((_, response) => {
  const snapshot = { users: transports.users.snapshot(), orders: transports.orders.snapshot() };
  response.setHeader("content-type", "application/json").end(JSON.stringify(snapshot));
});

process.once("SIGTERM", async () => {
  await drain(10_000);
  // Only now: what was under way has needed them.
  for (const transport of Object.values(transports)) transport.close();
  status.close();
});

console.log(`serves at http://${await listen(server, process.env.PORT)}`);
console.log(`status at http://${await listen(status, process.env.STATUS_PORT)}`);
