import { Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import {
  BrokenCircuitError,
  BulkheadRejectedError,
  ConstantBackoff,
  handleAll,
  retry,
  TaskCancelledError,
  TimeoutStrategy,
  timeout,
} from "cockatiel";
import { describe, expect, test, vi } from "vitest";
import { type BalancedTransportOptions, createBalancedTransport } from "../../src/node.ts";
import { rejection } from "../support/endpoint-client.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { type ScriptedServer, startScriptedServer } from "../support/scripted-server.ts";
import { startEchoServer } from "../support/servers.ts";

type Policy = NonNullable<BalancedTransportOptions["policy"]>;
type Execute = Policy["execute"];

function clientOf({ port }: { readonly port: number }, options: Partial<BalancedTransportOptions>) {
  return createClient(
    EchoService,
    createBalancedTransport({ target: `static:///127.0.0.1:${port}`, tls: false, ...options }),
  );
}

/** A policy that lets each call through and counts them. */
function counting(): Policy & { executions: number; readonly signals: (AbortSignal | undefined)[] } {
  const policy = {
    executions: 0,
    signals: [] as (AbortSignal | undefined)[],
    async execute<T>(...[call, signal]: Parameters<Execute>): Promise<T> {
      policy.executions += 1;
      policy.signals.push(signal);
      return (await call({ signal: signal ?? new AbortController().signal })) as T;
    },
  };
  return policy;
}

/** A policy that fails by itself. */
function failing(error: unknown): Policy {
  return { execute: () => Promise.reject(error) };
}

/** A server whose handlers wait until their call ends. */
const startSilent = (): Promise<ScriptedServer> =>
  startScriptedServer((_, { signal }) => new Promise((resolve) => signal.addEventListener("abort", () => resolve())));

const passOn: Interceptor = (next) => (request) => next(request);

describe.each<[string, Interceptor[]]>([
  ["with", [passOn]],
  ["without", []],
])("the user's policy, %s interceptors", (_, interceptors) => {
  test.each(["connect", "grpc", "grpc-web"] as const)(
    "is run round each unary call over %s, not round its attempts",
    async (protocol) => {
      using server = await startScriptedServer((execution) => {
        if (execution === 1) throw new ConnectError("once more", Code.Unavailable);
      });
      const policy = counting();
      const client = clientOf(server, { protocol, policy, interceptors, retry: { baseDelayMs: 0 } });
      await client.get({});
      await client.post({});
      expect([policy.executions, server.calls]).toEqual([2, 3]);
    },
  );

  test("is not run round streams", async () => {
    await using server = await startEchoServer({ httpVersion: "2" });
    const policy = counting();
    const client = clientOf(server, { policy, interceptors });
    let received = 0;
    for await (const _ of client.serverStream({ count: 3 })) received++;
    const requests = async function* () {
      yield { text: "a" };
    };
    await client.clientStream(requests());
    for await (const _ of client.bidiStream(requests())) received++;
    expect([policy.executions, received]).toEqual([0, 4]);
  });

  test("decides how often a call is made", async () => {
    using server = await startScriptedServer((execution) => {
      if (execution < 3) throw new ConnectError("not yet", Code.Aborted);
    });
    const policy = retry(handleAll, { maxAttempts: 5, backoff: new ConstantBackoff(0) });
    await clientOf(server, { policy, interceptors }).post({});
    expect(server.calls).toBe(3);
  });

  test("ends a call by its signal, at the server too", async () => {
    using server = await startSilent();
    let ended = false;
    const policy: Policy = {
      async execute<T>(...[call]: Parameters<Execute>): Promise<T> {
        const controller = new AbortController();
        const running = Promise.resolve(call({ signal: controller.signal }));
        await vi.waitFor(() => expect(server.calls).toBe(1), { interval: 2 });
        controller.abort(new ConnectError("the policy has had enough", Code.Aborted));
        return (await running.finally(() => {
          ended = true;
        })) as T;
      },
    };
    const error = await rejection(clientOf(server, { policy, interceptors }).get({}));
    expect(error).toMatchObject({ code: Code.Aborted, rawMessage: "the policy has had enough" });
    expect(ended).toBe(true);
  });

  test("hears the caller's abort", async () => {
    using server = await startSilent();
    const policy = counting();
    const controller = new AbortController();
    const call = rejection(clientOf(server, { policy, interceptors }).get({}, { signal: controller.signal }));
    await vi.waitFor(() => expect(server.calls).toBe(1), { interval: 2 });
    expect(policy.signals.map((signal) => signal?.aborted)).toEqual([false]);
    controller.abort(new ConnectError("the user left", Code.Aborted));
    expect(await call).toMatchObject({ code: Code.Aborted, rawMessage: "the user left" });
    expect(policy.signals[0]?.aborted).toBe(true);
  });

  test("that times out is the call's deadline", async () => {
    using server = await startSilent();
    const policy = timeout(50, TimeoutStrategy.Aggressive);
    expect(await rejection(clientOf(server, { policy, interceptors }).get({}))).toMatchObject({
      name: "ConnectError",
      code: Code.DeadlineExceeded,
    });
  });

  test("that is cancelled because the caller left shows the caller's reason", async () => {
    using server = await startSilent();
    const policy: Policy = {
      // As cockatiel's policies that wait by themselves do.
      async execute<T>(...[, signal]: Parameters<Execute>): Promise<T> {
        await new Promise((resolve) => signal?.addEventListener("abort", resolve));
        throw new TaskCancelledError();
      },
    };
    const controller = new AbortController();
    const call = rejection(clientOf(server, { policy, interceptors }).get({}, { signal: controller.signal }));
    controller.abort(new ConnectError("the user left", Code.Aborted));
    expect(await call).toMatchObject({ code: Code.Aborted, rawMessage: "the user left" });
  });

  test.each([
    ["an open circuit", new BrokenCircuitError(), Code.Unavailable, /circuit is open/],
    ["a full bulkhead", new BulkheadRejectedError(0, 0), Code.ResourceExhausted, /bulkhead is full/],
    ["an error of its own", new Error("out of tea"), Code.Unknown, /out of tea/],
    ["a ConnectError", new ConnectError("later", Code.FailedPrecondition), Code.FailedPrecondition, /later/],
  ])("may fail a call that is not sent: %s", async (_name, error, code, message) => {
    using server = await startScriptedServer(() => {});
    const failed = await rejection(clientOf(server, { policy: failing(error), interceptors }).get({}));
    expect(failed).toBeInstanceOf(ConnectError);
    expect(failed).toMatchObject({ code, rawMessage: expect.stringMatching(message) });
    expect(server.calls).toBe(0);
  });
});
