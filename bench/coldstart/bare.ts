// One call by connect-node alone: the base that the others are compared with.
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { EchoService } from "../../test/support/gen/echo_pb.ts";
import { answered } from "./answered.ts";

const transport = createConnectTransport({ baseUrl: `http://${process.env.BACKEND}`, httpVersion: "2" });
createClient(EchoService, transport).get({ text: "hello" }).then(answered);
