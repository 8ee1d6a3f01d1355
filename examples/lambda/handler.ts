import { createClient } from "@connectrpc/connect";
import { balancedTransportFromEnv, deadlineFrom, type RemainingTime } from "connect-lb";
import { UserService } from "../quickstart/gen/users_pb.ts";

const transport = balancedTransportFromEnv();
// The init phase waits for it, 2 s at most, and never fails with it: the first call tries again.
await transport.warmUp({ signal: AbortSignal.timeout(2_000) }).catch(console.warn);

const users = createClient(UserService, transport);

export async function handler(event: { userId: string }, context: RemainingTime) {
  const { name, servedBy } = await users.getUser({ userId: event.userId }, deadlineFrom(context));
  return { name, servedBy };
}
