// A Connect server in a process of its own. It says who it is, and is as slow as it is told.
import { createServer, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { Code, ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { UserService } from "../quickstart/gen/users_pb.ts";

const name = process.argv[2] as string;
let serviceTimeMs = 5;

const sessions = new Set<ServerHttp2Session>();
const server = createServer(
  connectNodeAdapter({
    routes: ({ service }) =>
      service(UserService, {
        async getUser({ userId }) {
          if (userId === "") throw new ConnectError("user_id is missing", Code.InvalidArgument);
          await new Promise((resolve) => setTimeout(resolve, serviceTimeMs));
          return { userId, name: "Ada", servedBy: name };
        },
      }),
  }),
);
server.on("session", (session) => {
  sessions.add(session);
  session.on("error", () => {});
  session.on("close", () => sessions.delete(session));
});
server.listen(0, "127.0.0.1", () => process.send?.({ port: (server.address() as AddressInfo).port }));

process.on("message", (message: { serviceTimeMs: number }) => {
  serviceTimeMs = message.serviceTimeMs;
});
// A graceful stop, as in a deployment: no new streams (GOAWAY), running calls finish.
process.on("SIGTERM", () => {
  server.close();
  for (const session of sessions) session.close();
  setTimeout(() => process.exit(0), 1_000).unref();
  process.disconnect();
});
process.on("disconnect", () => setTimeout(() => process.exit(0), 1_000).unref());
