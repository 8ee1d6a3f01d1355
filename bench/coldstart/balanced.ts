// The same call by connect-lb.
import { createClient } from "@connectrpc/connect";
import { createBalancedTransport } from "connect-lb";
import { EchoService } from "../../test/support/gen/echo_pb.ts";
import { answered } from "./answered.ts";

const { TARGET: target = "", CA: ca, CALL: call = "{}" } = process.env;
const transport = createBalancedTransport({ target, tls: ca === undefined ? false : { ca } });
createClient(EchoService, transport).get({ text: "hello" }, JSON.parse(call)).then(answered);
