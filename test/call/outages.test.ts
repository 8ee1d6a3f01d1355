import { createClient } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import type { DnsServer, DnsSockets, SocketListener } from "../../src/dns/dns-sockets.ts";
import { balancedTransport } from "../../src/transport/create.ts";
import { a, message, SOA, srv } from "../dns/records.ts";
import { inMemory } from "../interop/in-memory.ts";
import { readQuery } from "../support/dns-peer.ts";
import { fakePlatform } from "../support/fake-platform.ts";
import { FakeRuntime } from "../support/fake-runtime.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { type DnsBehaviour, OUTAGES, type Outage } from "./outages.ts";

// Outages of DNS itself, on a fake clock: the table of docs/targets.md.

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

function socketsThat(behaviourOf: (server: DnsServer) => DnsBehaviour, runtime: FakeRuntime): DnsSockets {
  const ask = (server: DnsServer, bytes: Uint8Array, over: "udp" | "tcp", listener: SocketListener) => {
    let isOpen = true;
    const query = readQuery(Buffer.from(bytes), over);
    const send = (what: Parameters<typeof message>[1], afterMs = 0) => {
      const sent = afterMs === 0 ? Promise.resolve() : runtime.sleep(afterMs, undefined, true);
      void sent.then(() => isOpen && listener.onMessage(message(query, what)));
    };
    const behaviour = behaviourOf(server);
    const good = { answers: [srv("h1.test")], additionals: [a("h1.test", "127.0.0.1")] };
    if (behaviour === "answers") send(good);
    else if (behaviour === "sends SERVFAIL") send({ flags: "8182" });
    else if (behaviour === "sends NXDOMAIN") send({ flags: "8583", authorities: [SOA] });
    else if (behaviour === "sends garbage") send({ counts: "0001000900000000", rest: "ff" });
    else if (behaviour === "refuses") queueMicrotask(() => isOpen && listener.onError(new Error("ECONNREFUSED")));
    else if (behaviour !== "is silent") send(good, behaviour.answersAfterMs);
    return () => {
      isOpen = false;
    };
  };
  return {
    messageId: () => Math.floor(runtime.random() * 0x1_0000),
    udp: (server, query, listener) => ask(server, query, "udp", listener),
    tcp: (server, query, listener) => ask(server, query, "tcp", listener),
    drain: async () => {},
  };
}

async function simulate(outage: Outage) {
  const runtime = new FakeRuntime({ seed: 1, globalTimers: true });
  let isOut = !outage.known;
  const servers = outage.dns.map((_, i) => `10.0.0.${i + 1}`);
  const sockets = socketsThat(
    ({ address }) => (isOut ? (outage.dns[servers.indexOf(address)] as DnsBehaviour) : "answers"),
    runtime,
  );
  const memory = inMemory();
  const transport = balancedTransport(
    { target: "srv:///_grpc._tcp.users.test", tls: false, dns: { servers } },
    fakePlatform(runtime, sockets, memory.create),
  );
  const client = createClient(EchoService, transport);
  const { timeoutMs } = outage;

  /** The error of one call, and how long the call took. */
  async function call(): Promise<{ error: string | undefined; ms: number }> {
    const startedAt = runtime.time;
    let isDone = false;
    const asked = client
      .get({}, timeoutMs === undefined ? {} : { timeoutMs })
      .then(
        () => undefined,
        (error: unknown) => String(error).replace(/^ConnectError: /, ""),
      )
      .finally(() => {
        isDone = true;
      });
    /** Endpoints in memory know no deadline, so an answer that comes with it is too late. */
    const judged = async () => {
      const ms = runtime.time - startedAt;
      return { error: (await asked) ?? (ms >= (timeoutMs ?? Number.POSITIVE_INFINITY) ? "too late" : undefined), ms };
    };
    for (;;) {
      // Whatever needs no time happens first.
      for (let turn = 0; turn < 3 && !isDone; turn++) await nextTurn();
      if (isDone) return await judged();
      await runtime.advance(10);
    }
  }

  if (outage.known) expect(await call()).toEqual({ error: undefined, ms: 0 });
  isOut = true;
  const errors = new Set<string>();
  const seen = { failed: 0, longestMs: 0, waited: 0 };
  for (let second = 1; second <= outage.seconds; second++) {
    if (second > (outage.overAfter ?? Number.POSITIVE_INFINITY)) isOut = false;
    const { error, ms } = await call();
    if (error !== undefined) {
      errors.add(error);
      seen.failed++;
    }
    seen.longestMs = Math.max(seen.longestMs, ms);
    if (ms > 0) seen.waited++;
    await runtime.advance(Math.max(0, 1_000 - ms));
  }
  return { errors: [...errors], ...seen };
}

describe("DNS", () => {
  // Two hours take some seconds.
  test.each(OUTAGES)("$name (known before: $known)", { timeout: 60_000 }, async (outage) => {
    const { errors, failed, longestMs, waited } = outage;
    expect(await simulate(outage)).toEqual({ errors, failed, longestMs, waited });
  });
});
