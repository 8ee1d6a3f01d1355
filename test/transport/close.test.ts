import { Code, createClient } from "@connectrpc/connect";
import { expect, test, vi } from "vitest";
import { createBalancedTransport, type ResolveContext } from "../../src/node.ts";
import { rejection } from "../support/endpoint-client.ts";
import { startFaultyRelay } from "../support/faulty-relay.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { startEchoServer } from "../support/servers.ts";

// What close() ends, and what it leaves alone.

test.each(["2", "1.1"] as const)(
  "a closed transport lets running calls finish, then its connections end: HTTP/%s",
  async (httpVersion) => {
    await using server = await startEchoServer({ httpVersion });
    await using relay = await startFaultyRelay(server);
    const transport = createBalancedTransport({ target: `static:///127.0.0.1:${relay.port}`, tls: false, httpVersion });
    const client = createClient(EchoService, transport);
    await client.get({});
    const running = client.post({ text: "finished", delayMs: 200 });
    await expect.poll(() => server.active).toBe(1);
    transport.close();
    transport.close();
    expect(await rejection(client.get({}))).toMatchObject({
      code: Code.Unavailable,
      rawMessage: "the transport was closed",
    });
    expect(await rejection(transport.refresh())).toMatchObject({ code: Code.Unavailable });
    expect(await rejection(transport.warmUp())).toMatchObject({ code: Code.Unavailable });
    expect((await running).text).toBe("finished");
    await expect.poll(() => relay.open).toBe(0);
    expect(server.calls).toBe(2);
  },
);

test("a closed transport ends its idle connections at once", async () => {
  await using server = await startEchoServer({ httpVersion: "2" });
  await using relay = await startFaultyRelay(server);
  const transport = createBalancedTransport({ target: `static:///127.0.0.1:${relay.port}`, tls: false });
  await transport.warmUp();
  expect(relay.open).toBe(1);
  await transport[Symbol.asyncDispose]();
  await expect.poll(() => relay.open).toBe(0);
});

test("a closed transport ends the look-up under way, and the call that waits for it", async () => {
  const contexts: ResolveContext[] = [];
  const resolve = (context: ResolveContext) => {
    contexts.push(context);
    return new Promise<never>(() => {});
  };
  const transport = createBalancedTransport({ target: { target: "test", resolve }, tls: false });
  const call = rejection(createClient(EchoService, transport).get({}));
  await expect.poll(() => contexts.length).toBe(1);
  expect(contexts[0]?.signal.aborted).toBe(false);
  transport.close();
  expect(contexts[0]?.signal.aborted).toBe(true);
  expect(await call).toMatchObject({ code: Code.Unavailable });
});

test.each(["2", "1.1"] as const)(
  "a transport that is closed while a call waits for its next attempt keeps no connection: HTTP/%s",
  async (httpVersion) => {
    await using server = await startEchoServer({ httpVersion });
    await using relay = await startFaultyRelay(server);
    const transport = createBalancedTransport({
      target: `static:///127.0.0.1:${relay.port}`,
      tls: false,
      httpVersion,
      retry: { baseDelayMs: 300, maxDelayMs: 300 },
    });
    // Its back-off is a random part of that.
    const random = vi.spyOn(Math, "random").mockReturnValue(0.9);
    const failing = rejection(createClient(EchoService, transport).get({ failCode: Code.Unavailable }));
    await expect.poll(() => server.calls, { interval: 5 }).toBe(1);
    transport.close();
    random.mockRestore();
    expect(await failing).toMatchObject({ code: Code.Unavailable });
    await expect.poll(() => relay.open).toBe(0);
  },
);
