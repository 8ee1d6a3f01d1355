import { createClient, createContextValues } from "@connectrpc/connect";
import { expect, test, vi } from "vitest";
import * as first from "../../src/node.ts";
import { closedPort } from "../support/closed-port.ts";
import { rejection } from "../support/endpoint-client.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { startEchoServer } from "../support/servers.ts";

// An application may load the ESM build and the CommonJS build, and hand what one of them made to the other.

async function anotherCopy(): Promise<typeof first> {
  vi.resetModules();
  return await import("../../src/node.ts");
}

test("each copy reads the other's reports, keys and errors", async () => {
  const second = await anotherCopy();
  expect(second.callReport).not.toBe(first.callReport);
  await using server = await startEchoServer({ httpVersion: "2" });
  for (const [maker, reader] of [
    [first, second],
    [second, first],
  ] as const) {
    const clientTo = (port: number) =>
      createClient(EchoService, maker.createBalancedTransport({ target: `static:///127.0.0.1:${port}`, tls: false }));
    const report = reader.callReport(await rejection(clientTo(await closedPort()).get({})));
    expect(report).toMatchObject({ stopped: "no-endpoint", attempts: [{ outcome: "not-sent" }] });
    const contextValues = createContextValues();
    await clientTo(server.port).get({}, { contextValues });
    expect(contextValues.get(reader.endpointKey)?.port).toBe(server.port);
    expect(() => maker.createBalancedTransport({ target: "nothing" })).toThrow(reader.ConfigurationError);
  }
});

test("what looks like an error of configuration is none", () => {
  const { ConfigurationError } = first;
  class Mine extends ConfigurationError {}
  expect(new Mine(["no"])).toBeInstanceOf(ConfigurationError);
  expect(new Mine(["no"])).toBeInstanceOf(Mine);
  expect(new ConfigurationError(["no"])).not.toBeInstanceOf(Mine);
  for (const value of [new Error("no"), { name: "ConfigurationError" }, null, undefined, "no"]) {
    expect(value instanceof ConfigurationError).toBe(false);
  }
});
