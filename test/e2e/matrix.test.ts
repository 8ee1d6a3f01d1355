import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DemoDnsServer, startDnsServer } from "../../examples/demo/dns-server.ts";
import { type BalancedTransportOptions, callReport, createBalancedTransport } from "../../src/node.ts";
import { createTestAuthority, type TestAuthority } from "../support/certificates.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { type EchoServer, startEchoServer } from "../support/servers.ts";

type Security = "cleartext" | "TLS" | "mutual TLS";
const securities: readonly Security[] = ["cleartext", "TLS", "mutual TLS"];
const versions = ["2", "1.1"] as const;
const protocols = ["connect", "grpc", "grpc-web"] as const;

let dns: DemoDnsServer;
let authority: TestAuthority;
let certificate: { cert: string; key: string };
let client: { cert: string; key: string };
const servers: EchoServer[] = [];

const nameOf = (version: string, security: Security) =>
  `_grpc._tcp.${security.replace(" ", "-").toLowerCase()}.v${version.replace(".", "")}.users.test`;

beforeAll(async () => {
  dns = await startDnsServer();
  authority = await createTestAuthority();
  const dnsNames = versions.flatMap((version) =>
    securities.map((security) => nameOf(version, security).replace("_grpc._tcp.", "")),
  );
  certificate = await authority.server({ dns: dnsNames });
  client = await authority.client();
  for (const httpVersion of versions) {
    for (const security of securities) {
      const pair = await Promise.all(
        ["one", "two"].map((name) =>
          startEchoServer({
            name,
            httpVersion,
            tls: security === "cleartext" ? false : { ...certificate, ca: authority.ca },
            mutualTls: security === "mutual TLS",
          }),
        ),
      );
      servers.push(...pair);
      const records = pair.map(({ name, port }) => ({ target: `${name}.servers.test`, port, address: "127.0.0.1" }));
      dns.srv(nameOf(httpVersion, security), records, 30);
    }
  }
});

afterAll(async () => {
  for (const server of servers) server.kill();
  await dns.close();
});

function transportFor(options: Partial<BalancedTransportOptions>, httpVersion: "2" | "1.1", security: Security) {
  const tls = { ca: authority.ca, ...(security === "mutual TLS" ? client : {}) };
  return createBalancedTransport({
    target: `srv://${dns.address}/${nameOf(httpVersion, security)}`,
    httpVersion,
    tls: security === "cleartext" ? false : tls,
    ...options,
  });
}

async function* messages(...texts: string[]) {
  for (const text of texts) yield { text };
}

describe.each(protocols)("over %s", (protocol) => {
  describe.each(protocol === "grpc" ? (["2"] as const) : versions)("on HTTP/%s", (httpVersion) => {
    describe.each(securities)("with %s", (security) => {
      it("every kind of call that the version carries is answered by a server from SRV", async () => {
        const transport = transportFor({ protocol }, httpVersion, security);
        const echo = createClient(EchoService, transport);
        expect((await echo.get({ text: "unary" })).text).toBe("unary");
        expect((await echo.post({ text: "unary" })).text).toBe("unary");
        let received = 0;
        for await (const _ of echo.serverStream({ text: "stream", count: 3 })) received++;
        expect(received).toBe(3);
        expect((await echo.clientStream(messages("a", "b"))).server).toMatch(/one|two/);
        // Node's HTTP/1.1 has no full duplex; connect-node's server answers 505 to it.
        if (httpVersion === "2") {
          let echoed = 0;
          for await (const _ of echo.bidiStream(messages("a", "b"))) echoed++;
          expect(echoed).toBe(2);
        }
        expect(transport.snapshot().endpoints.map(({ inFlight }) => inFlight)).toEqual([0, 0]);
      });
    });
  });
});

describe("the verified name", () => {
  it("is the target's: a certificate for another name is refused, and nothing is sent", async () => {
    const calls = servers.reduce((sum, server) => sum + server.calls, 0);
    const transport = transportFor({ tls: { ca: authority.ca, serverName: "other.test" } }, "2", "TLS");
    const error = await createClient(EchoService, transport)
      .get({ text: "x" })
      .catch((reason: unknown) => reason);
    expect(ConnectError.from(error).code).toBe(Code.Unavailable);
    expect(ConnectError.from(error).message).not.toMatch(/127\.0\.0\.1|other\.test/);
    expect(callReport(error)?.attempts.map(({ outcome }) => outcome)).toEqual(["not-sent", "not-sent"]);
    expect(servers.reduce((sum, server) => sum + server.calls, 0)).toBe(calls);
  });

  it("may be each server's own, but only inside the trusted domains", async () => {
    const tls = { ca: authority.ca, serverName: "target", targetSuffixes: ["trusted.test"] };
    const error = await createClient(EchoService, transportFor({ tls }, "2", "TLS"))
      .get({ text: "x" })
      .catch((reason: unknown) => reason);
    expect(ConnectError.from(error).code).toBe(Code.Unavailable);
    expect(String(callReport(error)?.lookUpError)).toContain("in none of the trusted domains (trusted.test)");
  });
});
