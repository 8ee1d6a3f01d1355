import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import {
  type BalancedTransportEvent,
  type BalancedTransportOptions,
  callReport,
  createBalancedTransport,
  type Resolution,
  type Resolver,
} from "../../src/node.ts";
import { rejection } from "../support/endpoint-client.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { notable } from "../support/notable-events.ts";
import { startScriptedServer } from "../support/scripted-server.ts";
import { shiftedClock } from "../support/shifted-clock.ts";

// What a failed call's report and a failed look-up's event say of the answer that was in use.

/** A resolver that says this, or fails with it. */
function saying(says: Resolution | Error, target = "test"): Resolver & { says: Resolution | Error } {
  const resolver = {
    target,
    says,
    async resolve() {
      if (resolver.says instanceof Error) throw resolver.says;
      return resolver.says;
    },
  };
  return resolver;
}

function clientOf(target: Resolver, options: Partial<BalancedTransportOptions> = {}) {
  const events: BalancedTransportEvent[] = [];
  const transport = createBalancedTransport({
    target,
    tls: false,
    onEvent: (event) => void events.push(event),
    ...options,
  });
  return { transport, client: createClient(EchoService, transport), events };
}

const one = (port: number): Resolution => ({
  kind: "endpoints",
  endpoints: [{ address: "127.0.0.1", port }],
  ttlMs: 60_000,
});
const none: Resolution = { kind: "unavailable", ttlMs: 60_000, reason: "closed for the season" };

describe("the report of a failed call", () => {
  test("has the age of the answer in use", async () => {
    using clock = shiftedClock();
    using server = await startScriptedServer(() => {
      throw new ConnectError("broken", Code.Internal);
    });
    const { client } = clientOf(saying(one(server.port)));
    const ageAt = async (aheadMs: number) => {
      clock.aheadMs = aheadMs;
      return callReport(await rejection(client.post({})))?.answerAgeMs as number;
    };
    expect(await ageAt(0)).toBeLessThan(5_000);
    const older = await ageAt(30_000);
    expect(older).toBeGreaterThanOrEqual(30_000);
    expect(older).toBeLessThan(35_000);
  });

  test("has no age where there was no answer, but the reason", async () => {
    const failure = new Error("SERVFAIL");
    const { client } = clientOf(saying(failure));
    const report = callReport(await rejection(client.post({})));
    expect(report).toMatchObject({ target: "test", method: "connectlb.test.v1.EchoService/Post", attempts: [] });
    expect(report?.answerAgeMs).toBeUndefined();
    expect(report?.lookUpError).toBe(failure);
  });

  test("has no error of a look-up that another one has made good", async () => {
    const resolver = saying(new Error("SERVFAIL"));
    const { transport, client } = clientOf(resolver);
    await rejection(transport.refresh());
    resolver.says = none;
    await transport.refresh();
    expect(callReport(await rejection(client.post({})))?.lookUpError).toBeUndefined();
  });

  test.each([
    ["the target's", new Error("of the first"), none, "of the first"],
    ["the fallback's", none, new Error("of the second"), "of the second"],
    ["the target's, where both failed", new Error("of the first"), new Error("of the second"), "of the first"],
    ["none's, where both answered", none, none, undefined],
  ])("has the error of the look-up that failed: %s", async (_, first, second, expected) => {
    const { client } = clientOf(saying(first, "first"), { fallbackTarget: saying(second, "second") });
    const error = await rejection(client.post({}));
    expect(error).toMatchObject({ code: Code.Unavailable });
    expect((callReport(error)?.lookUpError as Error | undefined)?.message).toBe(expected);
  });
});

describe("the event of a failed look-up", () => {
  test("says whether there is an older answer to go on with", async () => {
    const resolver = saying(new Error("SERVFAIL"));
    const { transport, events } = clientOf(resolver);
    await rejection(transport.refresh());
    resolver.says = one(1);
    await transport.refresh();
    resolver.says = new Error("REFUSED");
    await rejection(transport.refresh());
    const failed = events.filter(({ type }) => type === "resolve-failed");
    expect(failed).toMatchObject([
      { target: "test", stale: false, error: { message: "SERVFAIL" } },
      { target: "test", stale: true, error: { message: "REFUSED" } },
    ]);
  });

  test("differs from those of an empty answer, believed or not", async () => {
    const resolver = saying(one(1));
    const { transport, events } = clientOf(resolver);
    await transport.refresh();
    resolver.says = { kind: "empty", ttlMs: 0, reason: "NXDOMAIN" };
    await transport.refresh();
    resolver.says = none;
    await transport.refresh();
    expect(notable(events)).toMatchObject([
      { type: "resolved", target: "test", endpoints: 1, ttlMs: 60_000, added: [{ port: 1 }], removed: [] },
      { type: "unconfirmed-empty", target: "test", reason: "NXDOMAIN" },
      { type: "empty", target: "test", reason: "closed for the season" },
    ]);
  });
});
