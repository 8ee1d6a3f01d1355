import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { beforeAll, describe, expect, test } from "vitest";
import {
  type BalancedTransportEvent,
  type BalancedTransportOptions,
  callReport,
  createBalancedTransport,
} from "../../src/node.ts";
import { createTestAuthority, type TestAuthority } from "../support/certificates.ts";
import { rejection } from "../support/endpoint-client.ts";
import { type FaultyServer, startFaultyServer } from "../support/faulty-server.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { startScriptedServer } from "../support/scripted-server.ts";
import { startEchoServer } from "../support/servers.ts";
import { ABORTS, FAULTS, type Fault } from "./faults.ts";

// Every phase in which a call can fail, on real sockets: outcome, what the caller sees, and who executed it how often.

const NAME = "users.test";
let authority: TestAuthority;
let stranger: TestAuthority;
beforeAll(async () => {
  [authority, stranger] = await Promise.all([createTestAuthority(), createTestAuthority("a stranger")]);
});

const wires = [
  ["connect", "2"],
  ["grpc", "2"],
  ["connect", "1.1"],
] as const;

async function servers(fault: Fault, httpVersion: "2" | "1.1"): Promise<FaultyServer[]> {
  const good = fault.tls === undefined ? {} : { tls: await authority.server({ dns: [NAME] }) };
  const tls = {
    trusted: () => authority.server({ dns: [NAME] }),
    untrusted: () => stranger.server({ dns: [NAME] }),
    "wrong-name": () => authority.server({ dns: ["orders.test"] }),
    "plain-text": () => undefined,
    none: () => undefined,
  }[fault.tls ?? "none"]();
  const certificate = await tls;
  const { onConnection, onRequest } = fault;
  return Promise.all([
    startFaultyServer({
      httpVersion,
      ...(certificate && { tls: certificate }),
      ...(onConnection && { onConnection }),
      ...(onRequest && { onRequest }),
    }),
    startFaultyServer({ httpVersion, ...good }),
  ]);
}

function clientOf(ports: readonly number[], options: Partial<BalancedTransportOptions>) {
  const events: BalancedTransportEvent[] = [];
  const transport = createBalancedTransport({
    target: `static:///${ports.map((port) => `127.0.0.1:${port}`).join(",")}`,
    // The faulty server is the first one.
    picker: (candidates) => ({ pick: () => candidates[0] as (typeof candidates)[number] }),
    retry: { baseDelayMs: 1, maxDelayMs: 2 },
    onEvent: (event) => void events.push(event),
    ...options,
  });
  return { client: createClient(EchoService, transport), transport, events };
}

describe.each(wires)("%s over HTTP/%s", (protocol, httpVersion) => {
  const faults = FAULTS.filter(({ versions }) => versions === undefined || versions.includes(httpVersion));

  test.each(faults)("$name", async (fault) => {
    for (const method of ["post", "get"] as const) {
      const [faulty, good] = (await servers(fault, httpVersion)) as [FaultyServer, FaultyServer];
      using _faulty = faulty;
      using _good = good;
      const { client, transport, events } = clientOf([faulty.port, good.port], {
        protocol,
        httpVersion,
        tls: fault.tls === undefined ? false : { ca: authority.ca, serverName: NAME },
      });
      const options = fault.timeoutMs === undefined ? {} : { timeoutMs: fault.timeoutMs };
      const error = await client[method]({}, options).then(
        () => undefined,
        (reason: unknown) => ConnectError.from(reason),
      );
      expect(error === undefined ? "ok" : error.code, error?.message).toBe(fault[method]);
      const retried = events.find((event) => event.type === "retry")?.outcome;
      expect(retried ?? callReport(error)?.attempts[0]?.outcome).toBe(fault.outcome);
      expect(error?.message ?? "").not.toMatch(/127\.0\.0\.1|undefined/);
      expect(faulty.requests).toBe(fault.requests);
      expect(good.executions[method] ?? 0).toBe(fault[method] === "ok" && fault.outcome !== undefined ? 1 : 0);
      expect(transport.snapshot().endpoints.map(({ inFlight }) => inFlight)).toEqual([0, 0]);
    }
  });

  test.each(ABORTS)("the caller's %s", async (_, reason, code, message) => {
    using server = await startFaultyServer({ httpVersion, onRequest: () => {} });
    const { client } = clientOf([server.port], { protocol, httpVersion, tls: false });
    const controller = new AbortController();
    const call = rejection(client.get({}, { signal: controller.signal }));
    await expect.poll(() => server.requests, { interval: 2 }).toBe(1);
    controller.abort(reason);
    const error = await call;
    expect(error).toMatchObject({ code, rawMessage: message });
    expect(callReport(error)?.attempts.map(({ outcome }) => outcome)).toEqual(["caller"]);
    expect(server.requests).toBe(1);
  });

  test.each([
    ["throws", () => new Error("a bug"), Code.Internal],
    ["is out of time", () => new ConnectError("too slow", Code.DeadlineExceeded), Code.DeadlineExceeded],
    ["is overloaded", () => new ConnectError("busy", Code.ResourceExhausted), Code.ResourceExhausted],
    ["disagrees", () => new ConnectError("no", Code.InvalidArgument), Code.InvalidArgument],
  ])("a handler that %s is executed once, and its error passed on as it is", async (_, error, code) => {
    using server = await startScriptedServer(() => {
      throw error();
    }, httpVersion);
    const { client } = clientOf([server.port], { protocol, httpVersion, tls: false });
    const seen = await rejection(client.get({}));
    expect(seen).toMatchObject({ code, isWireError: true });
    expect(callReport(seen)?.attempts.map((attempt) => [attempt.outcome, attempt.error])).toEqual([["answered", seen]]);
    expect(server.calls).toBe(1);
  });

  test("a server that wants a client certificate", async () => {
    const tls = { ...(await authority.server({ dns: [NAME] })), ca: authority.ca };
    await using server = await startEchoServer({ httpVersion, tls, mutualTls: true });
    const { client } = clientOf([server.port], { protocol, httpVersion, tls: { ca: authority.ca, serverName: NAME } });
    const error = await rejection(client.post({}));
    expect(error).toMatchObject({ code: Code.Unavailable });
    expect(error.message).toContain("ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED");
    expect(callReport(error)?.attempts[0]?.outcome).toBe("not-sent");
    expect(server.calls).toBe(0);
  });

  test("a route that the kernel does not have", async () => {
    using good = await startFaultyServer({ httpVersion });
    // TCP to a multicast address: ENETUNREACH from the kernel itself, without a packet.
    const target = `static:///224.0.0.1:9,127.0.0.1:${good.port}`;
    const { client, events } = clientOf([], { target, protocol, httpVersion, tls: false });
    await client.post({});
    expect(events.find((event) => event.type === "retry")).toMatchObject({ outcome: "not-sent" });
    const alone = clientOf([], { target: "static:///224.0.0.1:9", protocol, httpVersion, tls: false });
    const error = await rejection(alone.client.post({}));
    expect(error).toMatchObject({ code: Code.Unavailable, rawMessage: "could not connect to a server: ENETUNREACH" });
  });
});
