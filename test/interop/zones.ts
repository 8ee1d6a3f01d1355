/** The zone that every server answers for; records are written "owner [TTL] TYPE data", with names relative to it. */
export const ZONE = "svc.test";
/** A zone that authorities are told to serve, from a file that does not exist. */
export const BROKEN_ZONE = "broken.test";
/** A zone whose authority, behind forwarders, never answers. */
export const MUTE_ZONE = "mute.test";
/** A server that gives this name an address has started. */
export const READY = `ready.${ZONE}`;

const TTL_SECONDS = 30;
const LONGEST_CHAIN = 20;

/** The same data for every server, so that what differs is the server. */
export const RECORDS: readonly string[] = [
  ...hosts(60).map(({ label, address }) => `${label} A ${address}`),
  ...["10 60 8001 h1", "10 40 8002 h2", "20 0 8003 h3"].map((data) => `_grpc._tcp.three SRV ${data}`),
  // The most that BIND adds addresses to is thirteen.
  ...hosts(15).map(({ label }, i) => `_grpc._tcp.fifteen SRV 0 1 ${8001 + i} ${label}`),
  ...hosts(60).map(({ label }, i) => `_grpc._tcp.sixty SRV 0 1 ${9001 + i} ${label}`),
  "alias CNAME h1",
  "_grpc._tcp.aliased SRV 0 0 8004 alias",
  // The owner itself is an alias.
  "_grpc._tcp.moved CNAME _grpc._tcp.three",
  "_grpc._tcp.none SRV 0 0 0 .",
  "_grpc._tcp.changing 1 SRV 0 0 8001 h1",
  "_grpc._tcp.counting SRV 0 0 8001 h1",
  "_grpc._tcp.zero 0 SRV 0 0 8001 h1",
  "_grpc._tcp.Mixed SRV 0 0 8001 H1",
  "v6 AAAA ::1",
  "_grpc._tcp.six SRV 0 0 8006 v6",
  // An address only: asking for SRV is NODATA, for IPv6 too.
  "only-a A 127.0.0.9",
  // Chains of aliases, by their length, and one without an end.
  ...Array.from({ length: LONGEST_CHAIN }, (_, i) => `chain${i + 1} CNAME ${i === 0 ? "h1" : `chain${i}`}`),
  ...[8, LONGEST_CHAIN].map((links) => `_grpc._tcp.chain${links} SRV 0 0 8001 chain${links}`),
  "loop-a CNAME loop-b",
  "loop-b CNAME loop-a",
  "_grpc._tcp.loop SRV 0 0 8001 loop-a",
];

let serial = 0;

/** As a master file (RFC 1035 section 5). Each has another serial: it is how servers see that a zone has changed. */
export function zoneFile(records: readonly string[]): string {
  const soa = `@ SOA ns admin ${++serial} 3600 600 86400 5`;
  return [
    `$ORIGIN ${ZONE}.`,
    `$TTL ${TTL_SECONDS}`,
    soa,
    "@ NS ns",
    "ns A 127.0.0.1",
    "ready A 127.0.0.1",
    ...records,
    "",
  ].join("\n");
}

/** As lines of dnsmasq's configuration. It has one TTL for all but addresses, and does not start with a loop. */
export function dnsmasqLines(records: readonly string[]): string[] {
  return records
    .filter((record) => !record.startsWith("loop-"))
    .map((record) => {
      const [, owner, ttl = TTL_SECONDS, type, data] = /^(\S+) (?:(\d+) )?([A-Z]+) (.*)$/.exec(record) ?? [];
      const name = absolute(`${owner}`);
      const words = `${data}`.split(" ");
      if (type === "CNAME") return `cname=${name},${absolute(`${data}`)}`;
      if (type !== "SRV") return `host-record=${name},${data},${ttl}`;
      const [priority, weight, port, target] = words;
      return target === "."
        ? `srv-host=${name}`
        : `srv-host=${name},${absolute(`${target}`)},${port},${priority},${weight}`;
    });
}

const absolute = (name: string) => `${name}.${ZONE}`;

function hosts(count: number): { label: string; address: string }[] {
  return Array.from({ length: count }, (_, i) => ({ label: `h${i + 1}`, address: `127.0.0.${i + 1}` }));
}
