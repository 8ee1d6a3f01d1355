import { Code, createClient } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { connected } from "../../src/call/wait-for-connection.ts";
import { createBalancedTransport } from "../../src/node.ts";
import { manualClock, rejection } from "../support/endpoint-client.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { startEchoServer } from "../support/servers.ts";

const never = new Promise<void>(() => {});

function waiting(lateMs: number, leftMs: number) {
  const clock = manualClock();
  const startedAt = performance.now();
  const wait = {
    signal: undefined,
    leftMs,
    connectTimeoutMs: 30,
    clock,
    stopWaiting: () => {},
  };
  const failed = rejection(connected(never, wait));
  clock.time += 30 + lateMs;
  return failed.then((error) => ({ error, tookMs: performance.now() - startedAt }));
}

test("a connect that is not answered ends by its limit, once more where the process was held up", async () => {
  const onTime = await waiting(0, Number.POSITIVE_INFINITY);
  expect(onTime.error).toMatchObject({ code: "ETIMEDOUT" });
  const late = await waiting(3_600_000, Number.POSITIVE_INFINITY);
  expect(late.error).toMatchObject({ code: "ETIMEDOUT" });
  expect(late.tookMs).toBeGreaterThanOrEqual(59);
});

test("a deadline that passed meanwhile is not waited beyond", async () => {
  const { error } = await waiting(3_600_000, 1_000);
  expect(error).toMatchObject({ code: Code.DeadlineExceeded });
});

test.each(["2", "1.1"] as const)(
  "a process held up while it connects finds the server well: HTTP/%s",
  async (httpVersion) => {
    await using server = await startEchoServer({ httpVersion });
    const target = `static:///127.0.0.1:${server.port}`;
    const transport = createBalancedTransport({ target, httpVersion, tls: false, connectTimeoutMs: 500 });
    await transport.refresh();
    const answer = createClient(EchoService, transport).post({ text: "hello" });
    await new Promise<void>((resolve) => process.nextTick(resolve));
    const until = performance.now() + 1_100;
    while (performance.now() < until);
    expect(await answer).toMatchObject({ text: "hello" });
    expect(transport.snapshot().endpoints).toMatchObject([{ breaker: "closed" }]);
  },
);
