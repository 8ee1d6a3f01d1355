import { quoted } from "../common/quoted.ts";
import { canonicalIp } from "./ip-address.ts";

export interface HostPort {
  /** An IPv6 address without its brackets. */
  readonly host: string;
  readonly port: number;
}

/** Parses "host:port", "[::1]:port" and, with a default, those without port. The error names the text. */
export function parseHostPort(text: string, defaultPort?: number): HostPort {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  // An IPv6 address without brackets is clear only where no port has to follow.
  if (host === undefined && defaultPort !== undefined && canonicalIp(withoutScope(text)) !== undefined) {
    return { host: text, port: defaultPort };
  }
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  if (host === undefined) {
    const form = defaultPort === undefined ? '"host:port"' : '"host" or "host:port"';
    throw new TypeError(`${quoted(text)} is not ${form}; an IPv6 address needs brackets${bracketsHint(text)}`);
  }
  if (port === undefined) {
    throw new TypeError(`${quoted(text)} has no port: write it behind the host, as in ${quoted(`${text}:8443`)}`);
  }
  if (port < 1 || port > 65_535) throw new TypeError(`${quoted(text)} has a port outside 1 to 65535`);
  if (match?.[1] !== undefined && canonicalIp(withoutScope(host)) === undefined) {
    throw new TypeError(`${quoted(text)} has no IPv6 address in its brackets`);
  }
  return { host, port };
}

/** `; did you mean "[::1]:80"?` */
function bracketsHint(text: string): string {
  const [, address = "", port = ""] = /^(.*:.*):(\d{1,5})$/.exec(text) ?? [];
  return canonicalIp(address) === undefined ? "" : `; did you mean ${quoted(`[${address}]:${port}`)}?`;
}

function withoutScope(address: string): string {
  return address.replace(/%.*$/, "");
}
