import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import {
  type BalancedTransportEvent,
  type BalancedTransportOptions,
  callReport,
  createBalancedTransport,
} from "../../src/node.ts";
import { closedPort } from "../support/closed-port.ts";
import { rejection } from "../support/endpoint-client.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { startScriptedServer } from "../support/scripted-server.ts";

// How far a call goes, and which endpoint is blamed for what it came to.

describe("dials of one call", () => {
  /** Addresses of this machine at which nothing listens. */
  const refusing = async (count: number) => {
    const port = await closedPort();
    return Array.from({ length: count }, (_, i) => `127.0.1.${i + 1}:${port}`);
  };

  test.each([
    ["to all of a few endpoints", 9, 9],
    ["to ten of many", 14, 10],
  ])("a call that never leaves is dialled %s, each once", async (_, endpoints, dials) => {
    const target = `static:///${(await refusing(endpoints)).join(",")}`;
    const transport = createBalancedTransport({ target, tls: false });
    const report = callReport(await rejection(createClient(EchoService, transport).post({})));
    expect(report?.attempts.map(({ outcome }) => outcome)).toEqual(Array(dials).fill("not-sent"));
    expect(new Set(report?.attempts.map(({ endpoint }) => endpoint)).size).toBe(dials);
  });

  test("a call reaches the tenth endpoint if the nine before it refuse it", async () => {
    using server = await startScriptedServer(() => {});
    const target = `static:///${[...(await refusing(9)), `127.0.0.1:${server.port}`].join(",")}`;
    // In the order of the list, so that the one that serves comes last.
    const picker: BalancedTransportOptions["picker"] = ([first]) => ({
      pick: () => first as NonNullable<typeof first>,
    });
    const transport = createBalancedTransport({ target, tls: false, picker });
    await createClient(EchoService, transport).post({});
    expect(server.calls).toBe(1);
  });
});

describe("a deadline that passes while a server is silent", () => {
  /**
   * A call whose first server answers Unavailable after a part of the call's time, and whose second one is silent for
   * the rest. Whether the second one is blamed shows by its ejection: one failure is enough here.
   */
  async function silentAfter(part: number, options: Partial<BalancedTransportOptions>) {
    // Long, for a machine that is busy: it takes a second of delay to change whose half it was.
    const timeoutMs = 2_000;
    using first = await startScriptedServer(async () => {
      await sleep(part * timeoutMs);
      throw new ConnectError("busy", Code.Unavailable);
    }, options.httpVersion);
    using silent = await startScriptedServer(
      (_, { signal }) => new Promise((resolve) => signal.addEventListener("abort", () => resolve())),
      options.httpVersion,
    );
    const events: BalancedTransportEvent[] = [];
    const transport = createBalancedTransport({
      target: `static:///127.0.0.1:${first.port},127.0.0.1:${silent.port}`,
      tls: false,
      picker: ([candidate]) => ({ pick: () => candidate as NonNullable<typeof candidate> }),
      retry: { baseDelayMs: 0 },
      breaker: { consecutiveFailures: 1 },
      connectTimeoutMs: 10_000,
      onEvent: (event) => void events.push(event),
      ...options,
    });
    // Connected before, so that the call's time is the servers' alone.
    await transport.warmUp();
    const error = await rejection(createClient(EchoService, transport).get({}, { timeoutMs }));
    expect(error).toMatchObject({ code: Code.DeadlineExceeded });
    expect([first.calls, silent.calls]).toEqual([1, 1]);
    const ejected = events.flatMap((event) => (event.type === "ejected" ? [event.endpoint.port] : []));
    const { load } = transport.snapshot().endpoints.find(({ address }) => address.endsWith(`:${silent.port}`)) ?? {};
    return { blamed: ejected.includes(silent.port), remembered: load !== 0 || ejected.includes(silent.port) };
  }

  test.concurrent.for([
    ["connect", "2"],
    ["connect", "1.1"],
    ["grpc", "2"],
  ] as const)(
    "blames the server only if it had half of the call's time: %s, HTTP/%s",
    async ([protocol, httpVersion], { expect }) => {
      const [all, aQuarter] = await Promise.all([
        silentAfter(0, { protocol, httpVersion }),
        silentAfter(0.75, { protocol, httpVersion }),
      ]);
      expect(all).toEqual({ blamed: true, remembered: true });
      expect(aQuarter).toEqual({ blamed: false, remembered: false });
    },
  );
});
