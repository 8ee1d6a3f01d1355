// The same call by connect-lb.
import { createClient } from "@connectrpc/connect";
import { createBalancedTransport } from "connect-lb";
import { EchoService } from "../../test/support/gen/echo_pb.ts";
import { answered } from "./answered.ts";

const transport = createBalancedTransport({ target: process.env.TARGET ?? "", tls: false });
createClient(EchoService, transport).get({ text: "hello" }).then(answered);
