import { quotedUnlessSecret } from "../../common/secret.ts";
import { DnsError } from "../../dns/dns-client.ts";
import { checkName } from "../../dns/name.ts";
import { checkHostName } from "../../net/host-name.ts";
import { canonicalIp } from "../../net/ip-address.ts";

export interface ConsulService {
  /** "users", or "_users._canary" as RFC 2782 writes it: there, the second label is a tag, and "_tcp" is none. */
  readonly service: string;
  readonly tag?: string | undefined;
  readonly dc?: string | undefined;
  /** Another cluster that exports the service to this one. Not with `dc`. */
  readonly peer?: string | undefined;
  /** Of Consul Enterprise, as is `partition`; the community edition answers NXDOMAIN to any. */
  readonly namespace?: string | undefined;
  readonly partition?: string | undefined;
  /** The name or ID of a prepared query to ask in place of the service, which then is only what TLS verifies. */
  readonly preparedQuery?: string | undefined;
  /** Default "consul". */
  readonly domain?: string | undefined;
}

export interface ConsulName {
  /** The name to ask for. */
  readonly name: string;
  /** The name that TLS verifies: that of the service, whichever tag or datacenter is asked for. */
  readonly authority: string;
  readonly domain: string;
}

/**
 * `[tag.]users.service[.team-a.ns][.part-a.ap][.dc1.dc|.p1.peer].consul`, `users-q.query[.dc1].consul` or
 * `_users._tag.service….consul`. A value comes before its keyword, and all that stands before the service is one tag.
 */
export function consulName(asked: ConsulService): ConsulName {
  const { service, tag, dc, preparedQuery, domain = "consul" } = asked;
  checkConsulKeys(asked);
  const zone = checkHostName(domain);
  if (preparedQuery !== undefined) {
    if (tag !== undefined) throw new DnsError('"tag" is for services; a prepared query has tags of its own');
    const where = dc === undefined ? "" : `.${checkLabel("datacenter", dc)}`;
    const name = checkName(`${checkDotted("prepared query", preparedQuery)}.query${where}.${zone}`);
    return { name, authority: authorityOf(checkLabel("service", service), zone), domain: zone };
  }
  const rest = `service${placeOf(asked)}.${zone}`;
  const rfc2782 = /^_([^.]+)\._([^.]+)$/.exec(service);
  if (rfc2782) {
    if (tag !== undefined) throw new DnsError(`the Consul service "${service}" already has a tag: leave tag out`);
    const [plain, label] = [checkLabel("service", rfc2782[1]), checkLabel("tag", rfc2782[2])];
    return { name: checkName(`_${plain}._${label}.${rest}`), authority: authorityOf(plain, zone), domain: zone };
  }
  const plain = checkLabel("service", service);
  const prefix = tag === undefined ? "" : `${checkDotted("tag", tag)}.`;
  return { name: checkName(`${prefix}${plain}.${rest}`), authority: authorityOf(plain, zone), domain: zone };
}

/** What cannot be asked for together, of DNS and of the HTTP API alike. */
export function checkConsulKeys({ dc, peer, namespace, partition, preparedQuery }: ConsulService): void {
  if (peer !== undefined && dc !== undefined) {
    throw new DnsError('"peer" and "dc" exclude each other: a peer is a cluster of its own; leave one out');
  }
  if (preparedQuery !== undefined && [peer, namespace, partition].some((value) => value !== undefined)) {
    throw new DnsError('"peer", "ns" and "partition" are for services; a prepared query has its own');
  }
}

function placeOf({ dc, peer, namespace, partition }: ConsulService): string {
  const qualifier = (what: string, value: string | undefined, keyword: string) => {
    return value === undefined ? "" : `.${checkLabel(what, value)}.${keyword}`;
  };
  return [
    qualifier("namespace", namespace, "ns"),
    qualifier("partition", partition, "ap"),
    qualifier("datacenter", dc, "dc"),
    qualifier("peer", peer, "peer"),
  ].join("");
}

function authorityOf(service: string, zone: string): string {
  return checkHostName(`${service}.service.${zone}`);
}

/** Names with a dot can be registered with Consul, but not asked for by DNS. */
function checkLabel(what: string, value: string | undefined): string {
  if (value !== undefined && /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i.test(value)) return value.toLowerCase();
  const rule = "1 to 63 letters, digits, hyphens or underscores";
  throw new DnsError(`${quotedUnlessSecret(value ?? "")} is not a Consul ${what} that DNS can look up: ${rule}`);
}

/** Tags and prepared queries may have dots. There is no way to ask for two tags. */
function checkDotted(what: string, value: string): string {
  return value
    .split(".")
    .map((label) => checkLabel(what, label))
    .join(".");
}

/**
 * The address in `7f000001.addr.dc1.consul`, the target of an instance that registered an address: no need to ask. An
 * instance of a peer has no datacenter in it. Undefined for any other target.
 */
export function addressInTarget(target: string, domain: string): string | undefined {
  if (!isConsulTarget(target, domain)) return undefined;
  const match = /^([0-9a-f]{8}|[0-9a-f]{32})\.addr(\.[^.]+)?$/i.exec(target.slice(0, -domain.length - 1));
  const hex = match?.[1];
  if (hex === undefined) return undefined;
  if (hex.length === 8) return [0, 2, 4, 6].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)).join(".");
  return canonicalIp([0, 4, 8, 12, 16, 20, 24, 28].map((at) => hex.slice(at, at + 4)).join(":"));
}

/** Whether Consul itself knows the target's addresses. Of other names it answers REFUSED, unless it has recursors. */
export function isConsulTarget(target: string, domain: string): boolean {
  return target.toLowerCase().endsWith(`.${domain}`);
}
