import type { Resolution } from "../../src/discovery/resolver.ts";
import type { AddressFamily } from "../../src/dns/dns-client.ts";
import { createNodeDnsClient } from "../../src/node/dns/node-dns-client.ts";
import { systemRuntime } from "../../src/runtime.ts";
import { createSrvResolver } from "../../src/schemes/srv.ts";
import { ZONE } from "./zones.ts";

export interface LookUpOptions {
  readonly transport?: "udp" | "tcp";
  readonly withinMs?: number;
  readonly family?: AddressFamily;
}

/** The name of a service in the zone of all servers. */
export const serviceName = (service: string) => `_grpc._tcp.${service}.${ZONE}`;

/** What our resolver makes of a server's SRV records. */
export function lookUp(
  server: { readonly address: string },
  name: string,
  { transport = "udp", withinMs = 3_000, family = "auto" }: LookUpOptions = {},
): Promise<Resolution> {
  const dns = createNodeDnsClient({ servers: [server.address], transport }, systemRuntime);
  const { clock, random, sleep } = systemRuntime;
  const limits = { signal: new AbortController().signal, deadline: clock.now() + withinMs };
  const resolver = createSrvResolver({ target: `srv:///${name}`, name, dns, family });
  return resolver.resolve({ ...limits, clock, random, sleep, reason: "first" });
}

/** "address:port" of each endpoint, by port. */
export function endpointsOf(resolution: Resolution): string[] {
  if (resolution.kind !== "endpoints") throw new Error(`no endpoints but ${JSON.stringify(resolution)}`);
  return resolution.endpoints.toSorted((a, b) => a.port - b.port).map(({ address, port }) => `${address}:${port}`);
}
