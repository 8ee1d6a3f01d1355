import { createSocket } from "node:dgram";
import { getEventListeners } from "node:events";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createBalancedTransport } from "../../src/node.ts";
import { type BlackHole, startBlackHole } from "../support/black-hole.ts";
import { rejection } from "../support/endpoint-client.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { type ScriptedServer, startScriptedServer } from "../support/scripted-server.ts";

// The caller's abort and deadline, in each phase that a call can be in.

let hole: BlackHole;
let slow: ScriptedServer;
let failing: ScriptedServer;
const deadResolver = createSocket("udp4");

beforeAll(async () => {
  hole = await startBlackHole();
  slow = await startScriptedServer(
    (_, { signal }) => new Promise((resolve) => signal.addEventListener("abort", () => resolve())),
  );
  failing = await startScriptedServer(() => {
    throw new ConnectError("overloaded", Code.Unavailable);
  });
  await new Promise<void>((resolve) => deadResolver.bind(0, "127.0.0.1", resolve));
});
afterAll(() => {
  hole[Symbol.dispose]();
  slow[Symbol.dispose]();
  failing[Symbol.dispose]();
  deadResolver.close();
});

const phases = {
  "looks up": () => `srv://127.0.0.1:${deadResolver.address().port}/_grpc._tcp.users.test`,
  connects: () => `static:///127.0.0.1:${hole.port}`,
  "waits for the response": () => `static:///127.0.0.1:${slow.port}`,
  "waits before a retry": () => `static:///127.0.0.1:${failing.port}`,
};

describe.each(Object.keys(phases) as (keyof typeof phases)[])("while a call %s", (phase) => {
  const setUp = () => {
    const retry = { baseDelayMs: 60_000, maxDelayMs: 60_000 };
    const transport = createBalancedTransport({ target: phases[phase](), tls: false, retry });
    return { transport, client: createClient(EchoService, transport) };
  };

  test("the caller's abort ends it at once, with the caller's reason", async () => {
    const { client, transport } = setUp();
    const controller = new AbortController();
    const call = rejection(client.get({}, { signal: controller.signal }));
    await new Promise((resolve) => setTimeout(resolve, 60));
    const aborted = performance.now();
    controller.abort(new ConnectError("the user left", Code.Aborted));
    expect(await call).toMatchObject({ code: Code.Aborted, rawMessage: "the user left" });
    expect(performance.now() - aborted).toBeLessThan(1_000);
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
    expect(transport.snapshot().endpoints.every(({ inFlight }) => inFlight === 0)).toBe(true);
  });

  test("its deadline ends it in time (by cockatiel's timeout, where it looks up or connects)", async () => {
    const { client, transport } = setUp();
    const started = performance.now();
    const error = ConnectError.from(await rejection(client.get({}, { timeoutMs: 400 })));
    // Where the wait before a retry would outlast the deadline, the error of the attempt is the better answer, at once.
    expect(error.code).toBe(phase === "waits before a retry" ? Code.Unavailable : Code.DeadlineExceeded);
    expect(performance.now() - started).toBeLessThan(1_400);
    expect(transport.snapshot().endpoints.every(({ inFlight }) => inFlight === 0)).toBe(true);
  });

  test("a signal that has aborted before sends nothing", async () => {
    const { client } = setUp();
    const calls = slow.calls + failing.calls;
    expect(await rejection(client.get({}, { signal: AbortSignal.abort() }))).toMatchObject({ code: Code.Canceled });
    expect(slow.calls + failing.calls).toBe(calls);
  });
});
