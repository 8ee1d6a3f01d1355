import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, createServer, type Server } from "node:net";
import { type CallOptions, ConnectError, createClient } from "@connectrpc/connect";
import { startDnsServer } from "../../examples/demo/dns-server.ts";
import * as otherRuntime from "../../src/index.ts";
import { type BalancedTransportOptions, callReport, createBalancedTransport, createResolver } from "../../src/node.ts";
import { createTestAuthority } from "../support/certificates.ts";
import { rejection } from "../support/endpoint-client.ts";
import { type FaultyServerOptions, startFaultyServer } from "../support/faulty-server.ts";
import { EchoService } from "../support/gen/echo_pb.ts";

/** A mistake or a mishap that a user may meet, and what it comes to. */
export interface Failure {
  readonly name: string;
  /** The messages and codes that the user gets to see. */
  provoke(): Promise<readonly string[]>;
}

const authority = createTestAuthority();

/** What a call's error says: its message, a code at the end of that, and why a look-up found nothing. */
async function told(options: BalancedTransportOptions, callOptions?: CallOptions): Promise<string[]> {
  const transport = createBalancedTransport({ defaultTimeoutMs: 3_000, connectTimeoutMs: 200, ...options });
  const error = ConnectError.from(await rejection(createClient(EchoService, transport).get({}, callOptions)));
  const report = callReport(error);
  const behind = report?.attempts.length === 0 ? (report.lookUpError ?? error.cause) : undefined;
  const code = /^could not connect to a server: (.*)$/.exec(error.rawMessage)?.[1];
  return [
    error.rawMessage,
    ...(code === undefined ? [] : [code]),
    ...(behind instanceof Error ? [behind.message] : []),
  ];
}

function toldAt(port: number, options: Partial<BalancedTransportOptions> = {}, callOptions?: CallOptions) {
  return told({ target: `static:///127.0.0.1:${port}`, tls: false, ...options }, callOptions);
}

/** What a client is told by a server that is not what it expects. */
async function toldBy(server: Server, options: Partial<BalancedTransportOptions> = {}, callOptions?: CallOptions) {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await toldAt((server.address() as AddressInfo).port, options, callOptions);
  } finally {
    server.close();
  }
}

async function toldByFaulty(server: Partial<FaultyServerOptions>, options: Partial<BalancedTransportOptions> = {}) {
  using faulty = await startFaultyServer({ httpVersion: "2", ...server });
  return await toldAt(faulty.port, { retry: false, ...options });
}

const https = async () => createHttpsServer(await (await authority).server());
const trusted = async () => ({ ca: (await authority).ca });
const status = (code: number) =>
  toldByFaulty({
    onRequest: ({ response }) => void Object.assign(response, { statusCode: code }).end("a proxy says no"),
  });

export const failures: readonly Failure[] = [
  {
    name: "an option of a transport for a resolver",
    provoke: async () => [(await rejection((async () => createResolver("srv:///a.test?max-attempts=2"))())).message],
  },
  { name: "a port where nothing listens", provoke: () => toldAt(1) },
  { name: "a server that says nothing", provoke: () => toldBy(createServer()) },
  { name: "a server that hangs up", provoke: () => toldBy(createServer((socket) => socket.destroy())) },
  { name: "a server of HTTP/1.1", provoke: () => toldBy(createHttpServer()) },
  { name: "a TLS server of HTTP/1.1", provoke: async () => toldBy(await https(), { tls: await trusted() }) },
  { name: "a server without TLS", provoke: () => toldBy(createHttpServer(), { tls: {} }) },
  {
    name: "a server of HTTP/1.1 without TLS",
    provoke: () => toldBy(createHttpServer(), { tls: {}, httpVersion: "1.1" }),
  },
  {
    name: "an authority that is not trusted",
    provoke: async () => toldBy(await https(), { tls: {}, httpVersion: "1.1" }),
  },
  {
    name: "a certificate for another name",
    provoke: async () =>
      toldBy(await https(), { tls: { ...(await trusted()), serverName: "x.test" }, httpVersion: "1.1" }),
  },
  {
    name: "a key of another certificate",
    async provoke() {
      const [one, other] = [await (await authority).client(), await (await authority).client()];
      return toldBy(await https(), { tls: { cert: one.cert, key: other.key } });
    },
  },
  {
    name: "a certificate that lost its line ends",
    async provoke() {
      const { cert, key } = await (await authority).client();
      return toldBy(await https(), { tls: { cert: cert.replace(/\n/g, "\\n"), key } });
    },
  },
  { name: "a file that does not exist", provoke: () => toldAt(1, { tls: { ca: "file:/does/not/exist.pem" } }) },
  {
    name: "a connection error without a code",
    async provoke() {
      const endpoint = createBalancedTransport({ target: "static:///127.0.0.1:1" });
      const connect = () => Promise.reject(new Error("no"));
      return toldAt(1, {
        createEndpointTransport: () => ({
          unary: (...call) => endpoint.unary(...call),
          stream: (...call) => endpoint.stream(...call),
          connect,
        }),
      });
    },
  },
  { name: "a DNS server that is not there", provoke: () => told({ target: "srv://127.0.0.1:1/users.test" }) },
  {
    name: "a name that does not exist",
    async provoke() {
      const dns = await startDnsServer();
      const targets = [`srv://${dns.address}/users.test`, `consul://${dns.address}/users`];
      const all = Promise.all(targets.map((target) => told({ target })));
      return (await all.finally(() => dns.close())).flat();
    },
  },
  {
    name: "a resolver that returns nothing",
    provoke: () => told({ target: { target: "mine", resolve: async () => ({}) as never } }),
  },
  { name: "a proxy that cannot reach the server", provoke: () => status(503) },
  { name: "a wrong path", provoke: () => status(404) },
  {
    name: "a connection that breaks",
    provoke: () =>
      toldByFaulty({ httpVersion: "1.1", onRequest: ({ socket }) => socket.destroy() }, { httpVersion: "1.1" }),
  },
  { name: "a server that refuses", provoke: () => toldByFaulty({ onRequest: ({ stream }) => stream?.close(7) }) },
  { name: "a stream without an answer", provoke: () => toldByFaulty({ onRequest: ({ stream }) => stream?.close(0) }) },
  { name: "a deadline", provoke: () => toldByFaulty({ onRequest: () => {} }, { defaultTimeoutMs: 50 }) },
  { name: "an abort", provoke: () => toldAt(1, {}, { signal: AbortSignal.abort() }) },
  {
    name: "a transport that was closed",
    async provoke() {
      const transport = createBalancedTransport({ target: "static:///127.0.0.1:1" });
      transport.close();
      return [ConnectError.from(await rejection(transport.refresh())).rawMessage];
    },
  },
  {
    name: "another runtime",
    async provoke() {
      const create = async () => otherRuntime.createBalancedTransport({ target: "srv:///users.test" });
      return [(await rejection(create())).message];
    },
  },
];
