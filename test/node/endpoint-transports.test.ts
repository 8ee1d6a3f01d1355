import { Code, ConnectError } from "@connectrpc/connect";
import { beforeAll, describe, expect, test } from "vitest";
import type { TlsOptions } from "../../src/net/tls-options.ts";
import { createTestAuthority, type TestAuthority } from "../support/certificates.ts";
import { endpointClient, rejection } from "../support/endpoint-client.ts";
import { startFaultyRelay } from "../support/faulty-relay.ts";
import { type EchoServerOptions, startEchoServer } from "../support/servers.ts";

const name = "users.example.com";
let authority: TestAuthority;
let serverTls: { cert: string; key: string; ca: string };
let clientTls: TlsOptions;
let mutualClientTls: TlsOptions;

beforeAll(async () => {
  authority = await createTestAuthority();
  serverTls = { ...(await authority.server({ dns: [name] })), ca: authority.ca };
  clientTls = { ca: authority.ca };
  mutualClientTls = { ca: authority.ca, ...(await authority.client()) };
});

async function* requests(...texts: string[]) {
  for (const text of texts) yield { text };
}

async function texts(responses: AsyncIterable<{ text: string }>): Promise<string[]> {
  const all: string[] = [];
  for await (const response of responses) all.push(response.text);
  return all;
}

const wires = [
  ["connect", "2"],
  ["connect", "1.1"],
  ["grpc", "2"],
  ["grpc-web", "2"],
  ["grpc-web", "1.1"],
] as const;
const securities = ["cleartext", "TLS", "mutual TLS"] as const;

function security(kind: (typeof securities)[number]) {
  const server: Pick<EchoServerOptions, "tls" | "mutualTls"> =
    kind === "cleartext" ? {} : { tls: serverTls, mutualTls: kind === "mutual TLS" };
  const client = kind === "cleartext" ? (false as const) : kind === "TLS" ? clientTls : mutualClientTls;
  return { server, client };
}

describe.each(wires)("%s over HTTP/%s", (protocol, httpVersion) => {
  describe.each(securities)("%s", (kind) => {
    test("all kinds of RPC, headers, trailers and errors, on one connection", async () => {
      const { server: serverSecurity, client: tls } = security(kind);
      await using server = await startEchoServer({ name: "a", httpVersion, ...serverSecurity });
      const { client, connect } = endpointClient({
        port: server.port,
        verifiedName: name,
        protocol,
        httpVersion,
        tls,
      });
      await connect();
      expect(await client.get({ text: "one" })).toMatchObject({ text: "one", server: "a" });
      let header: Headers | undefined;
      let trailer: Headers | undefined;
      const response = await client.post(
        { text: "two" },
        {
          headers: { "x-echo": "yes" },
          onHeader: (headers) => {
            header = headers;
          },
          onTrailer: (trailers) => {
            trailer = trailers;
          },
        },
      );
      expect(response.text).toBe("two");
      expect(header?.get("x-echo")).toBe("yes");
      expect(trailer?.get("x-echo-trailer")).toBe("yes");
      expect(await texts(client.serverStream({ text: "s", count: 3 }))).toEqual(["s0", "s1", "s2"]);
      expect((await client.clientStream(requests("x", "y"))).text).toBe("x,y");
      // Both ways at once needs HTTP/2; connect-node's server refuses it over HTTP/1.1 with 505.
      const both = httpVersion === "2";
      if (both) expect(await texts(client.bidiStream(requests("p", "q")))).toEqual(["p", "q"]);
      const refused = await rejection(client.post({ failCode: Code.FailedPrecondition }));
      expect(refused).toMatchObject({ code: Code.FailedPrecondition, rawMessage: "told to fail" });
      expect(server.callsByMethod).toEqual({
        get: 1,
        post: 2,
        serverStream: 1,
        clientStream: 1,
        ...(both && { bidiStream: 1 }),
      });
      expect(server.connections).toBe(1);
      expect(new Set(server.authorities)).toEqual(new Set([`${name}:${server.port}`]));
    });
  });

  test("a certificate for another name is refused, and nothing was sent", async () => {
    await using server = await startEchoServer({ httpVersion, tls: serverTls });
    const wrong = endpointClient({
      port: server.port,
      verifiedName: "orders.example.com",
      protocol,
      httpVersion,
      tls: clientTls,
    });
    const error = await rejection(wrong.client.post({}));
    expect(wrong.notSent(error)).toBe(true);
    expect(causes(error)).toContain("ERR_TLS_CERT_ALTNAME_INVALID");
    expect(server.calls).toBe(0);
  });

  test("an untrusted authority is refused, and nothing was sent", async () => {
    await using server = await startEchoServer({ httpVersion, tls: serverTls });
    const other = await createTestAuthority("somebody else");
    const tls = { ca: other.ca };
    const wrong = endpointClient({ port: server.port, verifiedName: name, protocol, httpVersion, tls });
    const error = await rejection(wrong.client.post({}));
    expect(wrong.notSent(error)).toBe(true);
    expect(server.calls).toBe(0);
  });

  test("a refused connection is marked as not sent", async () => {
    const server = await startEchoServer({ httpVersion });
    await server.close();
    const refused = endpointClient({ port: server.port, protocol, httpVersion });
    const error = await rejection(refused.client.post({}));
    expect(refused.notSent(error)).toBe(true);
    expect(error).toMatchObject({ code: Code.Unavailable });
    expect(causes(error)).toContain("ECONNREFUSED");
  });

  test("a reset during the TLS handshake is marked as not sent", async () => {
    await using server = await startEchoServer({ httpVersion, tls: serverTls });
    await using relay = await startFaultyRelay(server);
    relay.resetAtAccept(true);
    const reset = endpointClient({ port: relay.port, verifiedName: name, protocol, httpVersion, tls: clientTls });
    expect(reset.notSent(await rejection(reset.client.post({})))).toBe(true);
  });

  test("a server that accepts and never answers fails at the connect timeout, as not sent", async () => {
    await using server = await startEchoServer({ httpVersion, tls: serverTls });
    await using relay = await startFaultyRelay(server);
    relay.blackHole(true);
    const hole = endpointClient({
      port: relay.port,
      verifiedName: name,
      protocol,
      httpVersion,
      tls: clientTls,
      connectTimeoutMs: 30,
    });
    const error = await rejection(hole.client.post({}));
    expect(hole.notSent(error)).toBe(true);
    expect(causes(error)).toContain("ETIMEDOUT");
  });

  test("running calls finish after close(), new ones fail as not sent", async () => {
    await using server = await startEchoServer({ httpVersion });
    const { client, transport, connect, notSent } = endpointClient({ port: server.port, protocol, httpVersion });
    await client.get({});
    const running = client.post({ text: "running", delayMs: 50 });
    await expect.poll(() => server.active, { interval: 2 }).toBe(1);
    transport.close?.();
    expect((await running).text).toBe("running");
    await rejection(connect());
    expect(notSent(await rejection(client.post({})))).toBe(true);
    expect(server.calls).toBe(2);
  });
});

/** The codes of an error and of all that caused it. */
function causes(error: unknown): unknown[] {
  const codes: unknown[] = [];
  for (let e = error; e instanceof Error; e = e.cause) if ("code" in e) codes.push(e.code);
  return codes;
}

describe("names", () => {
  test.each(["2", "1.1"] as const)(
    "over HTTP/%s, one that only a URL parser takes for the certificate's",
    async (httpVersion) => {
      await using server = await startEchoServer({ name: "a", httpVersion, tls: serverTls });
      const { client, connect } = endpointClient({
        port: server.port,
        verifiedName: `${name}/.trusted.test`,
        httpVersion,
        tls: clientTls,
      });
      const error = await rejection(connect().then(() => client.get({ text: "x" })));
      expect(`${error}: ${error.cause}`).toContain("the name to verify is not a host name");
      expect([server.connections, server.calls]).toEqual([0, 0]);
    },
  );

  test.each(["2", "1.1"] as const)(
    "an address as the name is verified and sent as such: HTTP/%s",
    async (httpVersion) => {
      const tls = await authority.server({ ip: ["127.0.0.1"] });
      await using server = await startEchoServer({ httpVersion, tls });
      const { client, notSent } = endpointClient({ port: server.port, httpVersion, tls: clientTls });
      expect((await client.get({ text: "ip" })).text).toBe("ip");
      expect(server.authorities).toEqual([`127.0.0.1:${server.port}`]);
      // 127.0.0.2 reaches no listener on 127.0.0.1, so another name stands for another address.
      const other = endpointClient({ port: server.port, verifiedName: "127.0.0.2", httpVersion, tls: clientTls });
      expect(other.notSent(await rejection(other.client.get({})))).toBe(true);
      expect(notSent(new ConnectError("unrelated"))).toBe(false);
    },
  );

  test.each(["2", "1.1"] as const)("an IPv6 address has brackets: HTTP/%s", async (httpVersion) => {
    const tls = await authority.server({ ip: ["::1"] });
    await using server = await startEchoServer({ httpVersion, tls, address: "::1" });
    const { client } = endpointClient({ address: "::1", port: server.port, httpVersion, tls: clientTls });
    expect((await client.get({ text: "v6" })).text).toBe("v6");
    expect(server.authorities).toEqual([`[::1]:${server.port}`]);
  });

  test("two endpoints with the same name and port keep their addresses", async () => {
    for (const httpVersion of ["2", "1.1"] as const) {
      await using first = await startEchoServer({ name: "first", httpVersion });
      const address = "127.0.0.2";
      await using second = await startEchoServer({ name: "second", httpVersion, address, port: first.port });
      const a = endpointClient({ port: first.port, verifiedName: name, httpVersion }).client;
      const b = endpointClient({ address, port: second.port, verifiedName: name, httpVersion }).client;
      for (let i = 0; i < 3; i++) {
        expect((await a.get({})).server).toBe("first");
        expect((await b.get({})).server).toBe("second");
      }
    }
  });
});

test("a client without certificate is turned away before anything is sent, also by TLS 1.3 over HTTP/2", async () => {
  await using server = await startEchoServer({ httpVersion: "2", tls: serverTls, mutualTls: true });
  const bare = endpointClient({ port: server.port, verifiedName: name, tls: clientTls });
  expect(bare.notSent(await rejection(bare.client.post({})))).toBe(true);
  expect(server.calls).toBe(0);
});

test("certificates that cannot be parsed fail the call, not the process", async () => {
  for (const httpVersion of ["2", "1.1"] as const) {
    const broken = endpointClient({ port: 9, verifiedName: name, httpVersion, tls: { cert: "x", key: "y" } });
    expect(broken.notSent(await rejection(broken.client.post({})))).toBe(true);
  }
});

test("useHttpGet sends side-effect free calls as GET", async () => {
  for (const httpVersion of ["2", "1.1"] as const) {
    await using server = await startEchoServer({ httpVersion });
    const { client } = endpointClient({ port: server.port, httpVersion, connect: { useHttpGet: true } });
    await client.get({ text: "a" });
    await client.post({ text: "b" });
    expect(server.requests.map((request) => request.split(" ")[0])).toEqual(["GET", "POST"]);
  }
});

test("gRPC without HTTP/2 is an error at once", () => {
  expect(() => endpointClient({ port: 80, protocol: "grpc", httpVersion: "1.1" })).toThrow(/HTTP\/2/);
});
