import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type BalancedTransportEvent, callReport, createBalancedTransport } from "../../src/node.ts";
import { a, message, srv } from "../dns/records.ts";
import { createTestAuthority, type TestAuthority } from "../support/certificates.ts";
import { type DnsPeer, startDnsPeer } from "../support/dns-peer.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { type EchoServer, startEchoServer } from "../support/servers.ts";

// DNS is not authenticated: somebody who forges its answers chooses addresses and names, and has a certificate of a
// public authority for a domain of his own. Node's check of a certificate, and the URL parser, end a host at a slash.

const FORGED = "evil.test/.users.test";

let authority: TestAuthority;
let dns: DnsPeer;
/** Port and name of each SRV record, by the version of HTTP that the servers speak. */
let records: { port: number; target: string }[] = [];
const attackers = new Map<string, EchoServer>();
const servers = new Map<string, EchoServer[]>();

beforeAll(async () => {
  authority = await createTestAuthority();
  const evil = await authority.server({ dns: ["evil.test", "evilusers.test"] });
  const own = await authority.server({ dns: ["a.users.test", "b.users.test", "users.test"] });
  for (const httpVersion of ["2", "1.1"] as const) {
    attackers.set(httpVersion, await startEchoServer({ name: "attacker", httpVersion, tls: evil }));
    const pair = ["a", "b"].map((name) => startEchoServer({ name, httpVersion, tls: own }));
    servers.set(httpVersion, await Promise.all(pair));
  }
  dns = await startDnsPeer((query) => [
    query.asks.startsWith("SRV")
      ? message(query, {
          answers: records.map(({ target, port }) => srv(target, { port })),
          additionals: records.map(({ target }) => a(target, "127.0.0.1")),
        })
      : message(query, { answers: [a(query.asks.replace(/^\S+ /, ""), "127.0.0.1")] }),
  ]);
});

afterAll(async () => {
  await dns[Symbol.asyncDispose]();
  for (const server of [...attackers.values(), ...servers.values()].flat()) server.kill();
});

beforeEach(() => {
  records = [];
});

const inSuffix = { serverName: "target", targetSuffixes: ["users.test"] };

describe.each(["2", "1.1"] as const)("over HTTP/%s, a forged SRV record", (httpVersion) => {
  const attacker = () => attackers.get(httpVersion) as EchoServer;

  function clientOf(tls: { serverName?: string; targetSuffixes?: string[] }) {
    const events: BalancedTransportEvent[] = [];
    const transport = createBalancedTransport({
      target: `srv://${dns.address}/_grpc._tcp.users.test`,
      httpVersion,
      // A busy machine must not eject one of the servers.
      connectTimeoutMs: 10_000,
      tls: { ca: authority.ca, ...tls },
      onEvent: (event) => events.push(event),
    });
    const client = createClient(EchoService, transport);
    const answers = async (calls: number) => {
      const answered = await Promise.all(
        Array.from({ length: calls }, () => client.get({}, { headers: { authorization: "Bearer secret" } })),
      );
      return new Set(answered.map(({ server }) => server));
    };
    return { transport, client, events, answers };
  }

  it.each([
    ["whose name a URL parser ends at a slash", FORGED],
    ["that ends like the trusted domain, in the middle of a label", "evilusers.test"],
    ["outside the trusted domain", "evil.test"],
  ])("%s is dropped, its neighbours serve", async (_, forged) => {
    const [one, two] = servers.get(httpVersion) as [EchoServer, EchoServer];
    records = [
      { target: forged, port: attacker().port },
      { target: "a.users.test", port: one.port },
      { target: "b.users.test", port: two.port },
    ];
    const { answers, events, transport } = clientOf(inSuffix);
    expect(await answers(20)).toEqual(new Set(["a", "b"]));
    expect(transport.snapshot().endpoints.map(({ name }) => name)).toEqual(["a.users.test", "b.users.test"]);
    expect(events.filter(({ type }) => type === "records-dropped")).toEqual([
      {
        type: "records-dropped",
        target: `srv://${dns.address}/_grpc._tcp.users.test`,
        dropped: 1,
        reason: expect.stringContaining(forged),
      },
    ]);
    expect(attacker().connections).toBe(0);
  });

  it.each([["users.test"], [".users.test"], ["Users.TEST."], [".USERS.test."]])(
    "inside the trusted domain %s serves, however its name is written",
    async (domain) => {
      const [one, two] = servers.get(httpVersion) as [EchoServer, EchoServer];
      records = [
        { target: "evilusers.test", port: attacker().port },
        { target: "A.Users.Test", port: one.port },
        { target: "USERS.TEST", port: two.port },
      ];
      const { answers, transport } = clientOf({ serverName: "target", targetSuffixes: [domain] });
      expect(await answers(20)).toEqual(new Set(["a", "b"]));
      expect(transport.snapshot().endpoints.map(({ verifiedName }) => verifiedName)).toEqual([
        "a.users.test",
        "users.test",
      ]);
      expect(one.authorities).toContain(`a.users.test:${one.port}`);
      expect(attacker().connections).toBe(0);
    },
  );

  it.each([["users.test"], ["Users.TEST."]])(
    "the user's own tls.serverName %s is verified and sent in one spelling",
    async (serverName) => {
      const [one] = servers.get(httpVersion) as [EchoServer];
      records = [{ target: "h1.example", port: one.port }];
      const { answers, transport } = clientOf({ serverName });
      expect(await answers(2)).toEqual(new Set(["a"]));
      expect(transport.snapshot().endpoints).toMatchObject([{ verifiedName: "users.test", name: "h1.example" }]);
      expect(one.authorities.at(-1)).toBe(`users.test:${one.port}`);
    },
  );

  it("by the name that the user wrote is dropped as well: no handshake begins", async () => {
    const [one] = servers.get(httpVersion) as [EchoServer];
    records = [
      { target: FORGED, port: attacker().port },
      { target: "a.users.test", port: one.port },
    ];
    expect(await clientOf({}).answers(20)).toEqual(new Set(["a"]));
    expect(attacker().connections).toBe(0);
  });

  it("alone makes the look-up fail, and the old answer serves on", async () => {
    const [one] = servers.get(httpVersion) as [EchoServer];
    records = [{ target: "a.users.test", port: one.port }];
    const { answers, transport, client } = clientOf(inSuffix);
    expect(await answers(3)).toEqual(new Set(["a"]));
    records = [{ target: FORGED, port: attacker().port }];
    await expect(transport.refresh()).rejects.toThrow(
      'no record of the answer can be used: the server name "evil.test/.users.test" is not a host name',
    );
    expect(await answers(3)).toEqual(new Set(["a"]));
    transport.close();

    const unanswered = clientOf(inSuffix);
    const error = await unanswered.client.get({}).catch((reason: unknown) => reason);
    expect(ConnectError.from(error).code).toBe(Code.Unavailable);
    expect(ConnectError.from(error).message).not.toContain("evil");
    expect(String(callReport(error)?.lookUpError)).toContain("is not a host name");
    await expect(client.get({})).rejects.toThrow("the transport was closed");
    expect(attacker().connections).toBe(0);
  });
});
