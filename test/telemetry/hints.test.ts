import { createServer } from "node:net";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import {
  type BalancedTransportEvent,
  type BalancedTransportOptions,
  callReport,
  createBalancedTransport,
} from "../../src/node.ts";
import { connectionHint } from "../../src/resilience/connection-hints.ts";
import { logListener } from "../../src/telemetry/log.ts";
import { closedPort } from "../support/closed-port.ts";
import { rejection } from "../support/endpoint-client.ts";
import { rawSocket, startFaultyServer } from "../support/faulty-server.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { startEchoServer } from "../support/servers.ts";
import { listening, unusable, wires } from "./unusable-servers.ts";

// Where a connection cannot be used, the cause, the report and the log say what to change, and the message does not.

function clientOf(ports: readonly number[], options: Partial<BalancedTransportOptions>) {
  const events: BalancedTransportEvent[] = [];
  const transport = createBalancedTransport({
    target: `static:///${ports.map((port) => `127.0.0.1:${port}`).join(",")}`,
    defaultTimeoutMs: 5_000,
    onEvent: (event) => void events.push(event),
    ...options,
  });
  return { transport, client: createClient(EchoService, transport), events };
}

/** What `log: "debug"` prints of these. */
function linesOf(events: readonly BalancedTransportEvent[]): string[] {
  const lines: string[] = [];
  const log = logListener(
    "debug",
    (line) => lines.push(line),
    () => 0,
  );
  for (const event of events) log(event);
  return lines;
}

const hintsOf = (error: unknown) => callReport(error)?.attempts.map(({ hint }) => hint);

describe.each(wires)("%s over HTTP/%s", (protocol, httpVersion) => {
  const kinds = unusable
    .filter(({ over }) => over.includes(httpVersion))
    .flatMap((kind) => (kind.versions ?? ["TLSv1.3" as const]).map((version) => [kind.name, version, kind] as const));

  test.each(kinds)("%s (%s)", async (_name, version, { server, options, message, hint }) => {
    using one = await listening(await server(version));
    using other = await listening(await server(version));
    for (const ports of [[one.port], [one.port, other.port]]) {
      for (const retry of [false, {}] as const) {
        const { transport, client, events } = clientOf(ports, { ...options, protocol, httpVersion, retry });
        const error = (await rejection(client.get({}))) as ConnectError;
        expect(error.rawMessage).toMatch(message);
        expect(error.rawMessage).not.toMatch(/127\.0\.0\.1|CONNECT_LB|\.test/);
        expect((error.cause as Error).message).toBe(hint);
        expect(new Set(hintsOf(error))).toEqual(new Set([hint]));
        const lines = linesOf(events).filter((line) => line.includes("not-retried"));
        expect(lines.map((line) => line.endsWith(` hint=${JSON.stringify(hint)}`))).toEqual([true]);
        transport.close();
      }
    }
  });
});

const NOTHING_LISTENS = "nothing listens at that address and port: the server is down, or the port is wrong";

describe.each(wires)("%s over HTTP/%s", (protocol, httpVersion) => {
  const wire = { protocol, httpVersion, tls: false } as const;

  test.each([false, {}] as const)("nothing listens, before the first call and after it (retry: %j)", async (retry) => {
    const server = await startEchoServer({ httpVersion });
    const cold = await closedPort();
    const { client } = clientOf([cold], { ...wire, retry });
    const atFirst = await rejection(client.get({}));
    expect((atFirst.cause as Error).message).toBe(NOTHING_LISTENS);
    const { client: used } = clientOf([server.port], { ...wire, retry });
    await used.get({});
    await server.close();
    // Over HTTP/1.1 it goes out on the connection that the server has just closed.
    await rejection(used.get({}));
    const later = await rejection(used.get({}));
    expect((later.cause as Error).message).toBe(NOTHING_LISTENS);
    expect(hintsOf(later)).toEqual([NOTHING_LISTENS]);
  });

  test("a stream has the hint as well", async () => {
    const { client } = clientOf([await closedPort()], wire);
    const read = async () => {
      for await (const _ of client.serverStream({})) throw new Error("there is no server");
    };
    const error = await rejection(read());
    expect([(error.cause as Error).message, hintsOf(error)]).toEqual([NOTHING_LISTENS, [NOTHING_LISTENS]]);
  });

  test("a server that has answered and then hangs up is not taken for one of another kind", async () => {
    let hangsUp = false;
    using server = await startFaultyServer({
      httpVersion,
      onConnection: (socket) => {
        if (hangsUp) socket.destroy();
        return hangsUp;
      },
      onRequest: ({ answer, socket, stream }) => {
        if (hangsUp) rawSocket(socket, stream).destroy();
        else answer();
      },
    });
    const { client, transport } = clientOf([server.port], { ...wire, retry: false });
    await client.get({});
    hangsUp = true;
    await rejection(client.get({}));
    const error = await rejection(client.get({}));
    expect(error).toMatchObject({ code: Code.Unavailable });
    expect(hintsOf(error)).toEqual([undefined]);
    transport.close();
  });

  test("what a server answers has none", async () => {
    await using server = await startEchoServer({ httpVersion });
    const { client } = clientOf([server.port], wire);
    const error = await rejection(client.get({ failCode: Code.NotFound }));
    expect([error.cause, hintsOf(error)]).toEqual([undefined, [undefined]]);
  });

  test("what an interceptor of an attempt throws has none", async () => {
    await using server = await startEchoServer({ httpVersion });
    const attemptInterceptors = [() => () => Promise.reject(new ConnectError("HTTP 404", Code.Unimplemented))];
    const { client } = clientOf([server.port], { ...wire, attemptInterceptors });
    expect(hintsOf(await rejection(client.get({})))).toEqual([undefined]);
  });
});

test("an HTTP/2 server that accepts and says nothing", async () => {
  using silent = await listening(createServer());
  const { client, transport } = clientOf([silent.port], { tls: false, defaultTimeoutMs: 100 });
  const error = (await rejection(client.get({}))) as ConnectError;
  const hint =
    "no connection was made before the deadline: it may be too short for a first call (warmUp() connects before), or a firewall drops the packets, or the address is wrong, or the server does not speak HTTP/2 there";
  expect([error.rawMessage, (error.cause as Error).message]).toEqual(["the operation timed out", hint]);
  expect(hintsOf(error)).toEqual([hint]);
  transport.close();
});

test("a server that cannot be reached in time, beside one that can", async () => {
  using silent = await listening(createServer());
  await using server = await startEchoServer({ httpVersion: "2" });
  const { client, transport, events } = clientOf([silent.port, server.port], {
    tls: false,
    connectTimeoutMs: 20,
    picker: "round-robin",
  });
  await Promise.all([client.get({}), client.get({})]);
  const lines = linesOf(events).filter((line) => line.includes('msg="connect-lb: retry"'));
  expect(lines.map((line) => / hint="a firewall or security group may drop the packets/.test(line))).toEqual([true]);
  transport.close();
});

test("warmUp() has the hint as its error's cause", async () => {
  const { transport } = clientOf([await closedPort()], { tls: false });
  const error = await rejection(transport.warmUp());
  expect((error.cause as Error).message).toBe(NOTHING_LISTENS);
});

test("a certificate's names cannot write to the log", async () => {
  const error = Object.assign(new Error("no"), {
    code: "ERR_TLS_CERT_ALTNAME_INVALID",
    host: "orders.test",
    cert: { subjectaltname: `DNS:a\u001b[31m\u202e\u2028${"x".repeat(1_000)}` },
  });
  const hint = connectionHint(error, { kind: "not-sent", code: error.code }) as string;
  expect(hint).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
  expect(hint.length).toBeLessThan(600);
});

test.each([
  ["EMFILE", /no file descriptor left: raise its limit/],
  ["ENFILE", /no file descriptor left: raise its limit/],
  ["ENOBUFS", /no memory left/],
  ["EADDRNOTAVAIL", /no free port/],
  ["EPERM", /does not let the process connect/],
  ["ERR_ACCESS_DENIED", /does not let the process connect/],
  ["ENETUNREACH", /no route to that address: set dns\.family/],
  ["EHOSTUNREACH", /no route to that address: set dns\.family/],
])("%s, wherever in the causes it is", (code, hint) => {
  const error = Object.assign(new Error("no"), { code, syscall: "connect" });
  const wrapped = new ConnectError("could not connect", Code.Unavailable, undefined, undefined, error);
  expect(connectionHint(wrapped, { kind: "not-sent", code })).toMatch(hint);
  // A connection in use that breaks so says nothing of how the client is configured.
  expect(connectionHint(wrapped, { kind: "ambiguous", cause: "lost" })).toBeUndefined();
});

test("an error whose getters throw has none", () => {
  const error = {
    get code(): string {
      throw new Error("no");
    },
    get cause(): unknown {
      throw new Error("no");
    },
  };
  expect(connectionHint(error, { kind: "not-sent", code: "connection failed" })).toBeUndefined();
});
