import { defaults } from "./defaults.ts";
import type { OptionDefinition } from "./option-definition.ts";
import * as types from "./value-types.ts";

const { dns, connection } = defaults;

/** How servers are found, and the life of connections. A group stands before its members. */
export const networkOptions = (): readonly OptionDefinition[] => [
  { path: "dns", type: types.object, doc: "How DNS is asked, and how long its answers are used." },
  {
    path: "dns.servers",
    name: "dns-servers",
    type: types.dnsServers,
    default: () => "the system's",
    doc: 'DNS servers, as "address" or "address:port", asked in this order. If the target names a server, that one is asked instead.',
  },
  {
    path: "dns.transport",
    name: "dns-transport",
    type: types.choice("udp", "tcp"),
    default: (show) => `${show(dns.transport)}, for Consul targets ${show(dns.transportToConsul)}`,
    doc: '"udp" goes on to TCP where an answer is truncated; "tcp" never uses UDP.',
  },
  {
    path: "dns.family",
    name: "dns-family",
    type: types.choice("auto", "ipv4", "ipv6"),
    default: dns.family,
    doc: 'Which addresses to use: "auto" is IPv4 where there is any, else IPv6, and the other family where a server cannot be reached by the first.',
  },
  {
    path: "dns.minTtlMs",
    name: "dns-min-ttl",
    type: types.durationMs(0),
    default: dns.minTtlMs,
    doc: "Shorter TTLs are raised to this, and an answer without a TTL (Consul over HTTP) is used for so long.",
  },
  {
    path: "dns.maxTtlMs",
    name: "dns-max-ttl",
    type: types.durationMs(0),
    default: dns.maxTtlMs,
    doc: "Longer TTLs are cut to this.",
  },
  {
    path: "dns.maxStaleMs",
    name: "dns-max-stale",
    type: types.durationMs(0),
    default: dns.maxStaleMs,
    doc: "An answer older than this is used only if a new look-up fails.",
  },
  { path: "connection", type: types.object, doc: "How long connections live." },
  {
    path: "connection.idleMs",
    name: "connection-idle",
    type: types.durationMs(1),
    default: (show) => `${show(connection.idleMs["2"])} for HTTP/2, ${show(connection.idleMs["1.1"])} for HTTP/1.1`,
    doc: "A connection unused for longer is replaced before the next call.",
  },
  {
    path: "connection.verifyAfterMs",
    name: "connection-verify-after",
    type: types.durationMs(0),
    default: connection.verifyAfterMs,
    doc: "An HTTP/2 connection unused for longer is verified by a PING. A call that is safe to retry is sent together with the PING, any other call after its answer.",
  },
  {
    path: "connection.maxAgeMs",
    name: "connection-max-age",
    type: types.durationMs(1),
    default: connection.maxAgeMs,
    doc: "A connection that is older is replaced, give or take a tenth, so that servers behind a load balancer get their share.",
  },
];
