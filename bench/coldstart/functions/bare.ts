// A function that calls by connect-node alone: the base that the others are compared with.
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { EchoService } from "../../../test/support/gen/echo_pb.ts";
import { initEnds, measured } from "./phases.ts";

const transport = createConnectTransport({ baseUrl: `http://${process.env.BACKEND}`, httpVersion: "2" });
const client = createClient(EchoService, transport);
initEnds();

export const handler = ({ idleMs }: { idleMs: number }) => measured(idleMs, () => client.get({ text: "hello" }));
