import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { type BalancedTransportEvent, type BalancedTransportOptions, createBalancedTransport } from "../../src/node.ts";
import { rejection } from "../support/endpoint-client.ts";
import { type FaultyRequest, type FaultyServer, startFaultyServer } from "../support/faulty-server.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { notable } from "../support/notable-events.ts";

// A bad request hurts only itself: it fails after one attempt, with an error that names what is wrong, and neither the
// calls beside it nor the servers notice.

const wires = [
  ["connect", "2"],
  ["grpc", "2"],
  ["grpc-web", "2"],
  ["connect", "1.1"],
  ["grpc-web", "1.1"],
] as const;
type Version = "2" | "1.1";

interface BadRequest {
  readonly headers?: HeadersInit;
  readonly text?: string;
  readonly message?: unknown;
  readonly options?: Partial<BalancedTransportOptions>;
  /** What the servers answer to it. */
  readonly status?: number;
  readonly code?: Code;
  readonly says?: RegExp;
  /** Default: all. */
  readonly versions?: readonly Version[];
  /** Requests that reach a server, at most. Default 1. */
  readonly requests?: number;
}

const fields = (count: number, length: number) =>
  Array.from({ length: count }, (_, i): [string, string] => [`x-${i}`, "v".repeat(length)]);

const saysTooLarge = { says: /headers are too large/ };
const tooLarge = { code: Code.ResourceExhausted, ...saysTooLarge };

const badRequests: Readonly<Record<string, BadRequest>> = {
  "one header of 70 KB": { headers: [["x-large", "v".repeat(70_000)]], ...tooLarge, versions: ["2"] },
  "one header of 1 MB": { headers: [["x-large", "v".repeat(1_000_000)]], ...tooLarge, versions: ["2"] },
  "700 headers of 100 bytes": { headers: fields(700, 100), ...tooLarge, versions: ["2"] },
  "200 small headers": { headers: fields(200, 10), ...tooLarge, versions: ["2"] },
  // HTTP/1.1: Connect and gRPC give 431 the code "unknown".
  ...Object.fromEntries(
    [20_000, 70_000, 1_000_000].map((length): [string, BadRequest] => [
      `one header of ${length} bytes, of which HTTP/1.1 servers take 16 KiB`,
      { headers: [["x-large", "v".repeat(length)]], ...saysTooLarge, versions: ["1.1"] },
    ]),
  ),
  "a message over writeMaxBytes": {
    text: "x".repeat(2_000),
    options: { connect: { writeMaxBytes: 1_000 } },
    code: Code.ResourceExhausted,
  },
  "a response over readMaxBytes": {
    text: "x".repeat(2_000),
    options: { connect: { readMaxBytes: 1_000 } },
    code: Code.ResourceExhausted,
  },
  "a message that cannot be serialised": { message: { count: "seven" } },
  "a message whose field throws": {
    message: {
      get text() {
        throw new Error("no text");
      },
    },
  },
  ...Object.fromEntries(
    [400, 413, 414, 415, 431, 307, 308].map((status) => [
      `one that is answered with HTTP ${status}`,
      { status, ...(status === 431 && saysTooLarge) },
    ]),
  ),
};

async function servers(httpVersion: Version): Promise<FaultyServer[]> {
  const answering = {
    httpVersion,
    onRequest: ({ request, response, answer }: FaultyRequest) => {
      const status = request.headers["x-status"];
      if (status === undefined) answer();
      else {
        response.statusCode = Number(status);
        response.setHeader("content-type", "text/html");
        response.setHeader("location", "https://elsewhere.test/");
        response.end("<html>no</html>");
      }
    },
  };
  return Promise.all([startFaultyServer(answering), startFaultyServer(answering)]);
}

describe.each(wires)("%s over HTTP/%s", (protocol, httpVersion) => {
  const applies = ([, { versions }]: [string, BadRequest]) => versions === undefined || versions.includes(httpVersion);

  test.each(Object.entries(badRequests).filter(applies))("%s", async (_, bad) => {
    const [one, two] = (await servers(httpVersion)) as [FaultyServer, FaultyServer];
    using _one = one;
    using _two = two;
    const events: BalancedTransportEvent[] = [];
    const transport = createBalancedTransport({
      target: `static:///127.0.0.1:${one.port},127.0.0.1:${two.port}`,
      protocol,
      httpVersion,
      tls: false,
      onEvent: (event) => void events.push(event),
      ...bad.options,
    });
    const client = createClient(EchoService, transport);
    const headers = [...((bad.headers ?? []) as [string, string][])];
    if (bad.status !== undefined) headers.push(["x-status", `${bad.status}`]);
    const good = () => Promise.all(Array.from({ length: 5 }, () => client.post({})));
    await good();
    for (let i = 0; i < 10; i++) {
      const message = (bad.message ?? { text: bad.text ?? "" }) as { text: string };
      const failed = [rejection(client.get(message, { headers })), rejection(client.post(message, { headers }))];
      await good();
      for (const error of await Promise.all(failed)) {
        expect(error.message).not.toMatch(/127\.0\.0\.1|connection to the server was lost/);
        if (bad.code !== undefined) expect(Code[ConnectError.from(error).code]).toBe(Code[bad.code]);
        if (bad.says !== undefined) expect(error.message).toMatch(bad.says);
      }
    }
    const { endpoints, retryBudget } = transport.snapshot();
    expect(notable(events).map(({ type }) => type)).toEqual(["resolved"]);
    expect(endpoints).toMatchObject(Array(2).fill({ breaker: "closed", load: 0, inFlight: 0 }));
    expect(retryBudget.debt).toBe(0);
    expect(one.requests + two.requests).toBeLessThanOrEqual(55 + 20);
    if (httpVersion === "2") expect([one.connections, two.connections]).toEqual([1, 1]);
  });
});

describe.each([
  ["2", true],
  ["2", false],
  ["1.1", true],
  ["1.1", false],
] as const)("GET over HTTP/%s, binary %s", (httpVersion, useBinaryFormat) => {
  test("messages that do not fit into a URL go by POST", async () => {
    const methods: string[] = [];
    const seen = {
      httpVersion,
      onRequest: ({ request, answer }: FaultyRequest) => {
        methods.push(`${request.method} ${(request.url ?? "").length > 8_192 ? "too long" : "fits"}`);
        answer();
      },
    };
    using server = await startFaultyServer(seen);
    const transport = createBalancedTransport({
      target: `static:///127.0.0.1:${server.port}`,
      httpVersion,
      tls: false,
      connect: { useHttpGet: true, useBinaryFormat },
    });
    const client = createClient(EchoService, transport);
    for (const length of [10, 1_000, 5_500, 8_100, 12_000, 20_000, 100_000]) {
      const text = "x".repeat(length);
      expect((await client.get({ text })).text).toBe(text);
    }
    expect(methods).toEqual([...Array(3).fill("GET fits"), ...Array(4).fill("POST fits")]);
  });
});
