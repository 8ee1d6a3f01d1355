/** The version of an IP address without brackets and without a scope, or undefined for anything else. */
export function ipVersion(text: string): 4 | 6 | undefined {
  if (/^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/.test(text)) return 4;
  return canonicalIpv6(text) === undefined ? undefined : 6;
}

/** One spelling per address (RFC 5952), so that the same server is the same endpoint whatever source named it. */
export function canonicalIp(text: string): string | undefined {
  return ipVersion(text) === 4 ? text : canonicalIpv6(text);
}

function canonicalIpv6(text: string): string | undefined {
  if (!/^[0-9a-f:.]*:[0-9a-f:.]*$/i.test(text)) return undefined;
  try {
    // The URL parser is the one parser of IPv6 that every runtime has.
    return new URL(`http://[${text}]/`).hostname.slice(1, -1);
  } catch {
    return undefined;
  }
}

/** fe80::/10 means nothing without the interface it belongs to, which DNS cannot say (RFC 4007 section 6). */
export function isLinkLocal(address: string): boolean {
  return /^fe[89ab][0-9a-f]:/i.test(address);
}

/** Whether what is sent there stays on the machine: 127.0.0.0/8, also in the form of IPv6, and ::1. */
export function isLoopback(address: string): boolean {
  const canonical = canonicalIp(address) ?? "";
  return /^(127\.|::1$|::ffff:7f[0-9a-f]{2}:)/.test(canonical);
}
