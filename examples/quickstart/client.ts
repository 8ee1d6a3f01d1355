import { createClient } from "@connectrpc/connect";
import { createBalancedTransport } from "connect-lb";
import { UserService } from "./gen/users_pb.ts";

const transport = createBalancedTransport({
  target: process.env.USERS_TARGET ?? "srv:///_grpc._tcp.users.example.com",
  tls: false, // the servers of this example speak cleartext
});
const users = createClient(UserService, transport);

for (const userId of ["1", "2", "3", "4"]) {
  const user = await users.getUser({ userId });
  console.log(`user ${user.userId} is ${user.name}, says ${user.servedBy}`);
}
