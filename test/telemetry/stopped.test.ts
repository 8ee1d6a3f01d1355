import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { afterEach, describe, expect, test, vi } from "vitest";
import {
  type AttemptReport,
  type BalancedTransportEvent,
  type BalancedTransportOptions,
  callReport,
  createBalancedTransport,
} from "../../src/node.ts";
import { closedPort } from "../support/closed-port.ts";
import { rejection } from "../support/endpoint-client.ts";
import { rawSocket, startFaultyServer } from "../support/faulty-server.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { startEchoServer } from "../support/servers.ts";

// "Why was this call not tried again?", and on which servers it was tried with what outcome.

const wires = [
  ["connect", "2"],
  ["grpc", "2"],
  ["grpc-web", "2"],
  ["connect", "1.1"],
] as const;

function clientOf(ports: readonly number[], options: Partial<BalancedTransportOptions> = {}) {
  const events: BalancedTransportEvent[] = [];
  const transport = createBalancedTransport({
    target: `static:///${ports.map((port) => `127.0.0.1:${port}`).join(",")}`,
    tls: false,
    retry: { baseDelayMs: 1, maxDelayMs: 2 },
    onEvent: (event) => void events.push(event),
    ...options,
  });
  return { client: createClient(EchoService, transport), transport, events };
}

afterEach(() => {
  vi.restoreAllMocks();
});

/** Back-off is a random part of its limit: here, half of it. */
function halfTheBackOff(): void {
  vi.spyOn(Math, "random").mockReturnValue(0.5);
}

/** Outcomes of the attempts. */
const outcomes = (attempts: readonly AttemptReport[] = []) => attempts.map(({ outcome }) => outcome);

describe.each(wires)("%s over HTTP/%s", (protocol, httpVersion) => {
  const wire = { protocol, httpVersion };

  test("the code of a server's error", async () => {
    await using server = await startEchoServer({ httpVersion });
    const { client, events } = clientOf([server.port], wire);
    const report = callReport(await rejection(client.get({ failCode: Code.NotFound })));
    expect(report).toMatchObject({ stopped: "code", attempts: [{ outcome: "answered", code: Code.NotFound }] });
    expect(report?.attempts[0]?.endpoint).toBe(`127.0.0.1:${server.port}`);
    expect(events.filter(({ type }) => type === "not-retried")).toEqual([]);
  });

  test("the method may not be processed twice", async () => {
    await using server = await startEchoServer({ httpVersion });
    const { client, events } = clientOf([server.port], wire);
    const report = callReport(await rejection(client.post({ failCode: Code.Unavailable })));
    expect(report).toMatchObject({ stopped: "method", attempts: [{ outcome: "answered" }] });
    const because = events.filter(({ type }) => type === "not-retried");
    expect(because).toMatchObject([{ because: "method", outcome: "answered", endpoint: { port: server.port } }]);
    expect(because).toMatchObject([{ method: "connectlb.test.v1.EchoService/Post", error: expect.any(ConnectError) }]);
  });

  test("the request may have been processed, and the connection is lost", async () => {
    using server = await startFaultyServer({
      httpVersion,
      onRequest: ({ socket, stream }) => void rawSocket(socket, stream).destroy(),
    });
    const { client } = clientOf([server.port], wire);
    const report = callReport(await rejection(client.post({})));
    expect(report).toMatchObject({ stopped: "method", attempts: [{ outcome: "ambiguous" }] });
  });

  test("all attempts are used", async () => {
    await using server = await startEchoServer({ httpVersion });
    const { client, events } = clientOf([server.port], wire);
    const report = callReport(await rejection(client.get({ failCode: Code.Unavailable })));
    expect([report?.stopped, outcomes(report?.attempts)]).toEqual(["attempts", Array(3).fill("answered")]);
    expect(events.filter(({ type }) => type === "not-retried")).toMatchObject([{ because: "attempts" }]);
  });

  test("the budget is spent", async () => {
    await using server = await startEchoServer({ httpVersion });
    const { client } = clientOf([server.port], wire);
    const stopped = [];
    for (let i = 0; i < 6; i++) {
      stopped.push(callReport(await rejection(client.get({ failCode: Code.Unavailable })))?.stopped);
    }
    expect(stopped.at(0)).toBe("attempts");
    expect(stopped.at(-1)).toBe("budget");
  });

  test("no endpoint is left to connect to", async () => {
    const ports = [await closedPort(), await closedPort()];
    const { client } = clientOf(ports, wire);
    const report = callReport(await rejection(client.post({})));
    expect([report?.stopped, outcomes(report?.attempts)]).toEqual(["no-endpoint", ["not-sent", "not-sent"]]);
    expect(report?.attempts.map(({ endpoint }) => endpoint).sort()).toEqual(
      ports.map((port) => `127.0.0.1:${port}`).sort(),
    );
  });

  test("the deadline has passed", async () => {
    await using server = await startEchoServer({ httpVersion });
    const { client } = clientOf([server.port], wire);
    const report = callReport(await rejection(client.get({ delayMs: 5_000 }, { timeoutMs: 50 })));
    expect(report).toMatchObject({ stopped: "deadline", attempts: [{ outcome: "caller" }] });
  });

  test("the deadline would pass before the next attempt", async () => {
    await using server = await startEchoServer({ httpVersion });
    halfTheBackOff();
    const retry = { baseDelayMs: 60_000, maxDelayMs: 60_000 };
    const { client } = clientOf([server.port], { ...wire, retry });
    const report = callReport(await rejection(client.get({ failCode: Code.Unavailable }, { timeoutMs: 1_000 })));
    expect(report).toMatchObject({ stopped: "deadline", attempts: [{ outcome: "answered" }] });
  });

  test("the caller aborted", async () => {
    await using server = await startEchoServer({ httpVersion });
    const { client } = clientOf([server.port], wire);
    const controller = new AbortController();
    const failing = rejection(client.get({ delayMs: 5_000 }, { signal: controller.signal }));
    await expect.poll(() => server.active).toBe(1);
    controller.abort();
    expect(callReport(await failing)).toMatchObject({ stopped: "aborted", attempts: [{ outcome: "caller" }] });
  });

  test("the caller's signal is a deadline", async () => {
    await using server = await startEchoServer({ httpVersion });
    const { client } = clientOf([server.port], wire);
    const failing = rejection(client.get({ delayMs: 5_000 }, { signal: AbortSignal.timeout(50) }));
    expect(callReport(await failing)?.stopped).toBe("deadline");
  });

  test("the caller aborted while the next attempt waited", async () => {
    await using server = await startEchoServer({ httpVersion });
    halfTheBackOff();
    const retry = { baseDelayMs: 60_000, maxDelayMs: 60_000 };
    const { client } = clientOf([server.port], { ...wire, retry });
    const controller = new AbortController();
    const failing = rejection(client.get({ failCode: Code.Unavailable }, { signal: controller.signal }));
    await expect.poll(() => server.calls).toBe(1);
    setImmediate(() => controller.abort());
    expect(callReport(await failing)).toMatchObject({ stopped: "aborted", attempts: [{ outcome: "answered" }] });
  });

  test("retries are off", async () => {
    await using server = await startEchoServer({ httpVersion });
    const { client } = clientOf([server.port], { ...wire, retry: false });
    const report = callReport(await rejection(client.get({ failCode: Code.Unavailable })));
    expect(report).toMatchObject({ stopped: "off", attempts: [{ outcome: "answered" }] });
  });

  test("the server asked not to be asked again", async () => {
    using server = await startFaultyServer({
      httpVersion,
      onRequest({ response, answer }) {
        response.setHeader("grpc-retry-pushback-ms", "-1");
        answer();
      },
    });
    const { client } = clientOf([server.port], wire);
    const report = callReport(await rejection(client.get({ failCode: Code.Unavailable })));
    expect(report?.stopped).toBe("pushback");
  });

  test("a stream has begun", async () => {
    await using server = await startEchoServer({ httpVersion });
    const { client } = clientOf([server.port], {
      ...wire,
      retry: { idempotentMethods: ["connectlb.test.v1.EchoService/*"] },
    });
    const read = async () => {
      for await (const _ of client.serverStream({ count: 1_000, intervalMs: 10 })) server.kill();
    };
    expect(callReport(await rejection(read()))).toMatchObject({
      stopped: "stream",
      attempts: [{ outcome: "ambiguous" }],
    });
  });

  test("the target cannot be looked up, or has no endpoint", async () => {
    const resolver = (resolve: () => Promise<never> | Promise<{ kind: "unavailable"; reason: string }>) => ({
      target: "test",
      resolve,
    });
    const failing = { ...wire, target: resolver(() => Promise.reject(new Error("SERVFAIL"))) };
    const report = callReport(await rejection(clientOf([], failing).client.get({})));
    expect(report).toMatchObject({ stopped: "look-up", attempts: [], lookUpError: { message: "SERVFAIL" } });
    const empty = { ...wire, target: resolver(async () => ({ kind: "unavailable", reason: "closed" })) };
    const none = callReport(await rejection(clientOf([], empty).client.get({})));
    expect(none).toMatchObject({ stopped: "no-endpoint", attempts: [] });
  });

  test("the transport was closed, or the request cannot be sent", async () => {
    const { client, transport } = clientOf([1], wire);
    const timeoutMs = "100" as unknown as number;
    expect(callReport(await rejection(client.get({}, { timeoutMs })))).toMatchObject({
      stopped: "request",
      attempts: [],
    });
    transport.close();
    for (const failing of [client.get({}), client.serverStream({})[Symbol.asyncIterator]().next()]) {
      expect(callReport(await rejection(failing))).toMatchObject({ stopped: "closed", attempts: [] });
    }
  });

  test("an interceptor of the call threw, before or after the attempts, or hung", async () => {
    await using server = await startEchoServer({ httpVersion });
    const before: Interceptor = () => async () => {
      throw new Error("no token");
    };
    const after: Interceptor = (next) => async (request) => {
      await next(request).catch(() => {});
      throw new ConnectError("changed", Code.Aborted);
    };
    const hung: Interceptor = (next) => async (request) => {
      await next(request).catch(() => {});
      return new Promise(() => {});
    };
    const reportWith = async (interceptor: Interceptor) => {
      const { client } = clientOf([server.port], { ...wire, interceptors: [interceptor], retry: false });
      const failing = client.get({ failCode: Code.Unavailable }, { timeoutMs: 200 });
      const { stopped, attempts } = callReport(await rejection(failing)) ?? {};
      return [stopped, outcomes(attempts)];
    };
    expect(await reportWith(before)).toEqual(["interceptor", []]);
    expect(await reportWith(after)).toEqual(["interceptor", ["answered"]]);
    expect(await reportWith(hung)).toEqual(["deadline", ["answered"]]);
  });
});

test("an error that an interceptor wraps still leads to its report", async () => {
  await using server = await startEchoServer({ httpVersion: "2" });
  const wrapping: Interceptor = (next) => (request) =>
    next(request).catch((cause) => {
      throw new Error("wrapped", { cause });
    });
  const { client } = clientOf([server.port], { interceptors: [wrapping] });
  const report = callReport(await rejection(client.get({ failCode: Code.NotFound })));
  expect(report).toMatchObject({ stopped: "code", attempts: [{ outcome: "answered" }] });
});

test("the report of an interceptor's own call to another target is not taken for the call's", async () => {
  await using server = await startEchoServer({ httpVersion: "2" });
  const tokens = clientOf([await closedPort()]);
  const authorize: Interceptor = (next) => async (request) => {
    await tokens.client.get({});
    return next(request);
  };
  const { client } = clientOf([server.port], { interceptors: [authorize] });
  const report = callReport(await rejection(client.get({})));
  expect(report).toMatchObject({ target: `static:///127.0.0.1:${server.port}`, stopped: "interceptor", attempts: [] });
});

test("a stream that its reader leaves has no report, and one that was aborted says so", async () => {
  await using server = await startEchoServer({ httpVersion: "2" });
  const { client, events } = clientOf([server.port]);
  for await (const _ of client.serverStream({ count: 3 })) break;
  const controller = new AbortController();
  const read = async () => {
    for await (const _ of client.serverStream({ count: 1_000, intervalMs: 5 }, { signal: controller.signal })) {
      controller.abort();
      await sleep(0);
    }
  };
  expect(callReport(await rejection(read()))?.stopped).toBe("aborted");
  expect(events.filter(({ type }) => type === "not-retried")).toEqual([]);
});
