import { Code, createClient } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { startDnsServer } from "../../examples/demo/dns-server.ts";
import { type BalancedTransportEvent, createBalancedTransport } from "../../src/node.ts";
import { rejection } from "../support/endpoint-client.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { notable } from "../support/notable-events.ts";

test("the error of a service without servers has the reason as its cause, and an event tells it", async () => {
  const dns = await startDnsServer();
  try {
    const events: BalancedTransportEvent[] = [];
    const target = `srv://${dns.address}/_grpc._tcp.users.test`;
    const transport = createBalancedTransport({ target, onEvent: (event) => void events.push(event) });
    const reason =
      "_grpc._tcp.users.test does not exist (NXDOMAIN): names are absolute here, search domains are not tried; for a Kubernetes service write _grpc._tcp.users.test.svc.cluster.local";
    for (const failing of [createClient(EchoService, transport).get({}), transport.warmUp()]) {
      const error = await rejection(failing);
      expect(error).toMatchObject({ code: Code.Unavailable, rawMessage: "the service has no servers" });
      expect(error.cause).toMatchObject({ message: reason });
    }
    expect(notable(events)).toEqual([{ type: "empty", target, reason }]);
  } finally {
    await dns.close();
  }
});
