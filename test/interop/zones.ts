import { ZONE } from "./servers.ts";

/** The same data for every server, so that what differs is the server. */
export const KNOT_RECORDS = [
  "_grpc._tcp.three SRV 10 60 8001 h1\n_grpc._tcp.three SRV 10 40 8002 h2\n_grpc._tcp.three SRV 20 0 8003 h3",
  ...hosts(60).map(({ label, address }) => `${label} A ${address}`),
  ...hosts(60).map(({ label }, i) => `_grpc._tcp.sixty SRV 0 1 ${9001 + i} ${label}`),
  "alias CNAME h1\n_grpc._tcp.aliased SRV 0 0 8004 alias",
  // The owner itself is an alias.
  "_grpc._tcp.moved CNAME _grpc._tcp.three",
  "_grpc._tcp.none SRV 0 0 0 .",
  "_grpc._tcp.changing SRV 0 0 8001 h1",
  "v6 AAAA ::1\n_grpc._tcp.six SRV 0 0 8006 v6",
  // An address only: asking for SRV is NODATA, for IPv6 too.
  "only-a A 127.0.0.9",
].join("\n");

export const DNSMASQ_LINES = [
  ...["h1,8001,10,60", "h2,8002,10,40", "h3,8003,20,0"].map((record) => srv("three", record)),
  ...hosts(60).map(({ label, address }) => `host-record=${label}.${ZONE},${address},30`),
  ...hosts(60).map(({ label }, i) => srv("sixty", `${label},${9001 + i},0,1`)),
  `cname=alias.${ZONE},h1.${ZONE}`,
  srv("aliased", "alias,8004,0,0"),
  `srv-host=_grpc._tcp.none.${ZONE}`,
  srv("changing", "h1,8001,0,0"),
  `host-record=v6.${ZONE},::1,30`,
  srv("six", "v6,8006,0,0"),
  `host-record=only-a.${ZONE},127.0.0.9,30`,
];

/** dnsmasq's order is target, port, priority, weight. */
export function srv(service: string, record: string): string {
  const [label, ...rest] = record.split(",");
  return `srv-host=_grpc._tcp.${service}.${ZONE},${label}.${ZONE},${rest.join(",")}`;
}

function hosts(count: number): { label: string; address: string }[] {
  return Array.from({ length: count }, (_, i) => ({ label: `h${i + 1}`, address: `127.0.0.${i + 1}` }));
}
