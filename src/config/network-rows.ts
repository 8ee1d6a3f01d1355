import * as kinds from "./kinds.ts";
import type { OptionRow } from "./option-row.ts";

/** How servers are found, and the life of connections. A group stands before its members. */
export const networkRows: readonly OptionRow[] = [
  { path: "dns", kind: kinds.object, doc: "How DNS is asked, and how long its answers are used." },
  {
    path: "dns.servers",
    name: "dns-servers",
    kind: kinds.dnsServers,
    doc: 'DNS servers, as "address" or "address:port", asked in this order. Default: the system\'s. A server in the target is asked instead.',
  },
  {
    path: "dns.transport",
    name: "dns-transport",
    kind: kinds.choice("udp", "tcp"),
    doc: '"udp" goes to TCP where an answer is truncated; "tcp" never uses UDP. Default "udp"; Consul targets "tcp".',
  },
  {
    path: "dns.family",
    name: "dns-family",
    kind: kinds.choice("auto", "ipv4", "ipv6"),
    doc: 'Which addresses to use: "auto" is IPv4 where there is any, else IPv6, and the other family where a server cannot be reached by the first. Default "auto".',
  },
  {
    path: "dns.minTtlMs",
    name: "dns-min-ttl",
    kind: kinds.durationMs(0),
    doc: "Shorter TTLs are raised to this, and an answer without a TTL (Consul over HTTP) is used so long. Default 5 s.",
  },
  {
    path: "dns.maxTtlMs",
    name: "dns-max-ttl",
    kind: kinds.durationMs(0),
    doc: "Longer TTLs are cut to this. Default 5 min.",
  },
  {
    path: "dns.maxStaleMs",
    name: "dns-max-stale",
    kind: kinds.durationMs(0),
    doc: "An answer older than this is used only if a new look-up fails. Default 1 h.",
  },
  { path: "connection", kind: kinds.object, doc: "The life of connections." },
  {
    path: "connection.idleMs",
    name: "connection-idle",
    kind: kinds.durationMs(1),
    doc: "A connection unused for longer is replaced before the next call. Default 50 s for HTTP/2, 5 s for HTTP/1.1.",
  },
  {
    path: "connection.verifyAfterMs",
    name: "connection-verify-after",
    kind: kinds.durationMs(0),
    doc: "An HTTP/2 connection unused for longer is verified by PING: in the same flight as a call that may be repeated, before any other. Default 1 s.",
  },
  {
    path: "connection.maxAgeMs",
    name: "connection-max-age",
    kind: kinds.durationMs(1),
    doc: "A connection that is older is replaced, give or take a tenth, so that servers behind a load balancer get their share. Default none.",
  },
];
