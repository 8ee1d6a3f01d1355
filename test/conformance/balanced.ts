import { type DemoDnsServer, startDnsServer } from "../../examples/demo/dns-server.ts";
import { createBalancedTransport } from "../../src/node.ts";
import type { Server, Subject, SubjectFactory } from "./subject.ts";
import type { Wire } from "./wire.ts";

/** The balanced transport with a list of one server. */
export function createStatic({ host, port }: Server, wire: Wire): Subject {
  return balanced(`static:///${host}:${port}`, wire);
}

/**
 * The balanced transport with an SRV answer that names, besides the case's server, one that refuses connections: about
 * every other call is sent only by its second attempt.
 */
export async function createSrvFactory(): Promise<SubjectFactory> {
  const dns = await startDnsServer();
  return {
    create(server, wire) {
      const name = `_port${server.port}._tcp.${VERIFIED_NAME}`;
      announce(dns, name, server);
      return balanced(`srv://${dns.address}/${name}`, wire);
    },
    close: () => dns.close(),
  };
}

/** A name in the certificates that the suite makes. */
const VERIFIED_NAME = "localhost";

/** Nothing listens on TCP port 1, tcpmux (RFC 1078). */
const DEAD_PORT = 1;

function announce(dns: DemoDnsServer, name: string, { host, port }: Server): void {
  const records = [
    { target: "server.conformance.test", port, address: host, weight: 1 },
    { target: "dead.conformance.test", port: DEAD_PORT, address: host, weight: 1 },
  ];
  dns.srv(name, records, 300);
}

/** No case is about connecting, and bare connect-node waits as long as the system does: a busy machine needs its time. */
const CONNECT_TIMEOUT_MS = 10_000;

function balanced(target: string, wire: Wire): Subject {
  const transport = createBalancedTransport({ target, ...wire, connectTimeoutMs: CONNECT_TIMEOUT_MS });
  return { transport, close: () => transport.close() };
}
