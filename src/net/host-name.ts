import { quoted } from "../common/quoted.ts";
import { canonicalIp } from "./ip-address.ts";

// Every name that TLS verifies, that is sent as SNI or put into a URL goes through here, wherever it comes from. Those
// who use it further on (connect-node, Node's http2, Node's check of a certificate) run the URL parser over it, which
// ends a host at the first slash, drops what stands before an @, and reads numbers as an IPv4 address. So what is
// compared here must be a name that this parser leaves as it is.

/** On the wire each label has a length byte in front and the root comes last: 255 bytes are 253 characters (RFC 1035). */
const LONGEST = 253;
const LONGEST_LABEL = 63;

type Reading =
  | { readonly name: string; readonly problem?: never }
  | { readonly name?: never; readonly problem: string };

/**
 * The one spelling of a host name (lower case, without the final dot) or of an IP address (without brackets);
 * undefined for anything else. Underscores are allowed: names of services, and of hosts in Docker and AWS, have them.
 */
export function hostName(text: string): string | undefined {
  return read(text).name;
}

/** The same for a name that a user wrote: it may be written in other letters than those of ASCII (RFC 5891). */
export function hostNameFromUser(text: string): string | undefined {
  return readFromUser(text).name;
}

/**
 * A domain that a user trusts, with or without a dot in front. One of a single label ("com") holds names of anybody, and
 * an IP address holds none: undefined.
 */
export function domainFromUser(text: string): string | undefined {
  const name = hostNameFromUser(text.startsWith(".") ? text.slice(1) : text);
  return name?.includes(".") && canonicalIp(name) === undefined ? name : undefined;
}

/** @throws an error that says why the text of a user is not a host name, and which one may be meant. */
export function checkHostName(text: string): string {
  const { name, problem } = readFromUser(text);
  if (name !== undefined) return name;
  throw new TypeError(`${quoted(text)} is not a host name: ${problem}${hostNameHint(text)}`);
}

/** `; did you mean "users.test"?` for a URL, a pattern, a name with a port; else nothing. */
export function hostNameHint(text: string, accept = hostNameFromUser): string {
  const bare = text
    .trim()
    .replace(/^[a-z][a-z0-9+.-]*:\/+/i, "")
    .replace(/[/\\?#].*$/s, "")
    .replace(/^.*@/s, "")
    .replace(/^\[(.*)\](:\d+)?$/, "$1")
    .replace(/^([^:]*):\d*$/, "$1")
    .replace(/^\*?\.+/, "")
    .replace(/\.{2,}/g, ".");
  const meant = bare === text ? undefined : accept(bare);
  return meant === undefined ? "" : `; did you mean ${quoted(meant)}?`;
}

/** Whether a name is the domain itself, or in it: by whole labels. Both are host names in their one spelling. */
export function isInDomain(name: string, domain: string): boolean {
  const labels = name.split(".");
  const domainLabels = domain.split(".");
  return labels.length >= domainLabels.length && labels.slice(-domainLabels.length).join(".") === domain;
}

function read(text: string): Reading {
  if (text.length > LONGEST + 1) return { problem: `it is longer than ${LONGEST} characters` };
  const ip = canonicalIp(text);
  if (ip !== undefined) return { name: ip };
  const written = text.endsWith(".") ? text.slice(0, -1) : text;
  if (written === "") return { problem: "it is empty" };
  // Before the case is changed: to lower case, the sign of kelvin becomes a "k".
  if (!/^[A-Za-z0-9_.-]*$/.test(written)) {
    return { problem: 'it contains characters other than letters, digits, "-", "_" and dots' };
  }
  const name = written.toLowerCase();
  if (name.length > LONGEST) return { problem: `it is longer than ${LONGEST} characters` };
  const labels = name.split(".");
  if (labels.includes("")) return { problem: "it has an empty label" };
  if (labels.some((label) => label.length > LONGEST_LABEL)) {
    return { problem: `it has a label of more than ${LONGEST_LABEL} characters` };
  }
  // The URL standard reads "1.2.3" and "0x7f.1" as IPv4 addresses.
  if (/^(\d+|0x[0-9a-f]*)$/.test(labels.at(-1) as string)) return { problem: "its last label is a number" };
  if (labels.some((label) => label.startsWith("xn--")) && urlHost(name) !== name) {
    return { problem: "it has a label that starts with xn-- and is not a valid A-label (RFC 5891)" };
  }
  return { name };
}

function readFromUser(text: string): Reading {
  const reading = read(text);
  if (reading.name !== undefined || !/\P{ASCII}/u.test(text)) return reading;
  // Its ASCII part must be right as it is written: the URL parser would end the name at a slash.
  if (!/^[\w.\-\u{80}-\u{10ffff}]+$/u.test(text)) return reading;
  const ascii = urlHost(text);
  // Digits of other scripts may make an IP address, which is not what was written.
  if (ascii === undefined || canonicalIp(ascii) !== undefined) return { problem: "IDNA does not allow it (RFC 5891)" };
  return read(ascii);
}

function urlHost(name: string): string | undefined {
  try {
    return new URL(`http://${name}/`).hostname;
  } catch {
    return undefined;
  }
}
