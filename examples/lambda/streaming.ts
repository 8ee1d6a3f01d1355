import type { Writable } from "node:stream";
import { createClient } from "@connectrpc/connect";
import { balancedTransportFromEnv, deadlineFrom, type RemainingTime } from "connect-lb";
import { UserService } from "../quickstart/gen/users_pb.ts";

/** Set by the runtime client. */
declare const awslambda: { streamifyResponse<H>(handler: H): H };

const transport = balancedTransportFromEnv();
const users = createClient(UserService, transport);

// The order is that of the event; each line is sent as soon as it is known.
export const handler = awslambda.streamifyResponse(
  async (event: { userIds: string[] }, response: Writable, context: RemainingTime) => {
    for (const userId of event.userIds) {
      const { name, servedBy } = await users.getUser({ userId }, deadlineFrom(context));
      response.write(`${JSON.stringify({ userId, name, servedBy })}\n`);
    }
    response.end();
  },
);
await transport.warmUp({ signal: AbortSignal.timeout(2_000) }).catch(console.warn);
