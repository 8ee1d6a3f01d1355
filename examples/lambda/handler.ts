import { createClient } from "@connectrpc/connect";
import { balancedTransportFromEnv, deadlineFrom, type RemainingTime } from "connect-lb";
import { UserService } from "../quickstart/gen/users_pb.ts";

const transport = balancedTransportFromEnv();
const users = createClient(UserService, transport);

// Begins in the init phase. A call that comes meanwhile joins it; what it cannot reach, calls will try again.
export const warm = transport.warmUp().catch(console.warn);

export async function handler(event: { userId: string }, context: RemainingTime) {
  const { name, servedBy } = await users.getUser({ userId: event.userId }, deadlineFrom(context));
  return { name, servedBy };
}
