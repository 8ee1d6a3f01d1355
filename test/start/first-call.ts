// A process that makes one call, and ends with it: as it is, or bundled (programs.ts). Prints which modules of Node's
// were loaded when the transport had been created, and when the call was answered.
import { createClient } from "@connectrpc/connect";
import { createBalancedTransport } from "connect-lb";
import { EchoService } from "../support/gen/echo_pb.ts";

const { options, call, text = "hello" } = JSON.parse(process.env.FIRST_CALL);
const transport = createBalancedTransport(options);
const created = [...process.moduleLoadList];
createClient(EchoService, transport)
  .get({ text }, call)
  .then((answer) => {
    if (answer.text !== text) throw new Error("not the answer to this call");
    console.log(JSON.stringify({ created, answered: process.moduleLoadList }));
    process.exit();
  });
