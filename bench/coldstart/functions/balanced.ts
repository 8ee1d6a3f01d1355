// The same function by connect-lb.
import { createClient } from "@connectrpc/connect";
import { balancedTransportFromEnv } from "connect-lb";
import { EchoService } from "../../../test/support/gen/echo_pb.ts";
import { initEnds, measured } from "./phases.ts";

export const transport = balancedTransportFromEnv();
const client = createClient(EchoService, transport);
initEnds();

export const handler = ({ idleMs }: { idleMs: number }) => measured(idleMs, () => client.get({ text: "hello" }));
