// One call by connect-node alone: the base that the others are compared with.
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { EchoService } from "../../test/support/gen/echo_pb.ts";
import { answered } from "./answered.ts";

const { BACKEND, CA: ca, CALL: call = "{}" } = process.env;
const baseUrl = `${ca === undefined ? "http" : "https"}://${BACKEND}`;
const transport = createConnectTransport({
  baseUrl,
  httpVersion: "2",
  ...(ca !== undefined && { nodeOptions: { ca } }),
});
createClient(EchoService, transport).get({ text: "hello" }, JSON.parse(call)).then(answered);
