import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { createClient } from "@connectrpc/connect";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import {
  type BalancedTransportEvent,
  type BalancedTransportOptions,
  balancedTransportFromEnv,
  createBalancedTransport,
} from "../../src/node.ts";
import { certificateFolder, kubernetesSecret } from "../support/certificate-folder.ts";
import { createTestAuthority, type TestAuthority } from "../support/certificates.ts";
import { rejection } from "../support/endpoint-client.ts";
import { EchoService } from "../support/gen/echo_pb.ts";
import { startEchoServer } from "../support/servers.ts";
import { shiftedClock } from "../support/shifted-clock.ts";

// Certificates that are files, replaced on disk while a balanced transport uses them.

let authority: TestAuthority;
let other: TestAuthority;

beforeAll(async () => {
  authority = await createTestAuthority();
  other = await createTestAuthority("another authority");
});
afterEach(() => vi.unstubAllEnvs());

function observed(options: BalancedTransportOptions) {
  const events: BalancedTransportEvent[] = [];
  const transport = createBalancedTransport({ ...options, onEvent: (event) => events.push(event) });
  return { transport, client: createClient(EchoService, transport), events };
}

const bothAuthorities = () => `${authority.ca}\n${other.ca}`;
const aboutTls = (events: readonly BalancedTransportEvent[]) => events.filter(({ type }) => type.startsWith("tls-"));

describe.each(["2", "1.1"] as const)("a rotation under calls that overlap: HTTP/%s", (httpVersion) => {
  test.each(["one file after the other", "as Kubernetes replaces a Secret"])(
    "%s, fails no call",
    { timeout: 60_000 },
    async (how) => {
      const servers = await Promise.all(
        ["a", "b"].map(async (name) => {
          const certificate = await authority.server();
          const tls = { ...certificate, ca: bothAuthorities() };
          return startEchoServer({ name, httpVersion, tls, mutualTls: true });
        }),
      );
      const filesOf = async (from: TestAuthority, name: string) => {
        const { cert, key } = await from.client(name);
        return { "ca.crt": bothAuthorities(), "tls.crt": cert, "tls.key": key };
      };
      const [one, two] = [await filesOf(authority, "one"), await filesOf(other, "two")];
      using folder = how.startsWith("as") ? kubernetesSecret(one) : certificateFolder(one);
      using clock = shiftedClock();
      try {
        const { transport, client, events } = observed({
          target: `static:///${servers.map(({ port }) => `127.0.0.1:${port}`).join(",")}`,
          httpVersion,
          retry: false,
          // A TLS handshake may take longer than the usual second on a busy machine.
          connectTimeoutMs: 20_000,
          tls: { ca: folder.file("ca.crt"), cert: folder.file("tls.crt"), key: folder.file("tls.key") },
        });
        const failed: unknown[] = [];
        const running: Promise<unknown>[] = [];
        for (let call = 0; call < 120; call++) {
          if (call === 20 && how.startsWith("as")) folder.write(two);
          if (call === 20 && how.startsWith("one")) folder.write({ "tls.crt": two["tls.crt"] });
          if (call === 40 && how.startsWith("one"))
            folder.write({ "tls.key": two["tls.key"], "ca.crt": two["ca.crt"] });
          // An hour's worth of calls would be too long for a test: each is some seconds of the transport's time.
          clock.aheadMs += 4_000;
          running.push(client.post({ delayMs: 5 }).catch((error) => failed.push(error)));
          // The next one begins while one is under way, however long a busy machine takes for each.
          await running.at(-2);
        }
        await Promise.all(running);
        expect(failed).toEqual([]);
        for (const server of servers) {
          expect(server.clients[0]).toBe("one");
          await expect.poll(() => server.clients.at(-1), { interval: 2 }).toBe("two");
          await expect.poll(() => server.open, { interval: 2 }).toBeLessThanOrEqual(2);
        }
        expect(aboutTls(events).filter(({ type }) => type === "tls-reloaded")).toHaveLength(1);
        expect(events.filter(({ type }) => type === "ejected")).toEqual([]);
        transport.close();
      } finally {
        for (const server of servers) server.kill();
      }
    },
  );
});

test("events say which files, once per change", async () => {
  await using server = await startEchoServer({ httpVersion: "2", tls: await authority.server() });
  using folder = certificateFolder({ "ca.crt": authority.ca });
  using clock = shiftedClock();
  const target = `static:///127.0.0.1:${server.port}`;
  const { client, events } = observed({ target, tls: { ca: folder.file("ca.crt") } });
  const files = [folder.path("ca.crt")];
  const callsFor = async (ms: number) => {
    for (let passedMs = 0; passedMs < ms; passedMs += 10_000) {
      clock.aheadMs += 10_000;
      await client.get({});
    }
  };
  await client.get({});
  folder.remove("ca.crt");
  await callsFor(120_000);
  const error = expect.objectContaining({ message: `tls: cannot read file:${files[0]}`, code: "ERR_TLS_FILE" });
  expect(aboutTls(events)).toEqual([{ type: "tls-reload-failed", target, files, error }]);
  folder.write({ "ca.crt": bothAuthorities() });
  await callsFor(120_000);
  expect(aboutTls(events).slice(1)).toEqual([{ type: "tls-reloaded", target, files }]);
});

test("variables of the environment name files, too", async () => {
  await using server = await startEchoServer({ httpVersion: "2", tls: await authority.server() });
  using folder = certificateFolder({ "ca.crt": authority.ca });
  const transport = balancedTransportFromEnv({
    env: {
      CONNECT_LB_TARGET: `static:///127.0.0.1:${server.port}`,
      CONNECT_LB_TLS_CA: folder.file("ca.crt"),
    },
  });
  const client = createClient(EchoService, transport);
  await client.get({});
  folder.write({ "ca.crt": other.ca });
  server.present(await other.server());
  server.drain();
  await expect.poll(() => server.open, { interval: 2 }).toBe(0);
  await client.get({});
  expect(server.connections).toBe(2);
});

test("Consul's certificates are replaced as well", async () => {
  const health = JSON.stringify([{ Service: { Address: "127.0.0.1", Port: 9 } }]);
  const server = createServer(await authority.server(), (_, response) => response.end(health));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  using folder = certificateFolder({ "consul.crt": authority.ca });
  vi.stubEnv("CONSUL_CACERT", folder.path("consul.crt"));
  try {
    const target = `consul+https://127.0.0.1:${(server.address() as AddressInfo).port}/users`;
    const { transport, events } = observed({ target, tls: false });
    const files = [folder.path("consul.crt")];
    await transport.refresh();
    expect(transport.snapshot().endpoints).toHaveLength(1);

    // Half of it is there.
    folder.write({ "consul.crt": other.ca.slice(0, 200) });
    await transport.refresh();
    await transport.refresh();
    expect(aboutTls(events)).toEqual([{ type: "tls-reload-failed", target, files, error: expect.any(Error) }]);

    folder.write({ "consul.crt": other.ca });
    expect(String(await rejection(transport.refresh()))).toMatch(/unable to verify the first certificate/);
    server.setSecureContext(await other.server());
    await transport.refresh();
    await transport.refresh();
    expect(aboutTls(events).slice(1)).toEqual([{ type: "tls-reloaded", target, files }]);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
