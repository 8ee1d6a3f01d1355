import { quoted } from "../common/quoted.ts";
import { DnsError } from "./dns-client.ts";

/** Lower case, without the final dot: names are compared without regard to ASCII case (RFC 4343). "." is the root. */
export function canonicalName(name: string): string {
  return (name.length > 1 && name.endsWith(".") ? name.slice(0, -1) : name).toLowerCase();
}

/**
 * The name as it is asked for, or an error that says what is wrong with it. dns-packet encodes anything: a label of 64
 * bytes becomes reserved bits, one of 192 a compression pointer, and "a..b" the name "a" (RFC 1035 section 2.3.4).
 */
export function checkName(name: string): string {
  const canonical = canonicalName(name);
  const fail = (why: string): never => {
    throw new DnsError(`${quoted(name, 300)} is not a DNS name: ${why}`);
  };
  if (canonical === "" || canonical === ".") fail("it is empty");
  // Non-ASCII names go through IDNA first (RFC 5891), which is the user's to do: `new URL()` does it.
  if (!/^[\x21-\x7e]*$/.test(canonical)) fail("only printable ASCII is allowed, write it in its xn-- form");
  if (canonical.includes("\\")) fail("escapes are not supported");
  for (const label of canonical.split(".")) {
    if (label.length === 0) fail("it has an empty label");
    if (label.length > 63) fail(`the label ${quoted(label)} is longer than 63 bytes`);
  }
  // On the wire each label has a length byte in front and the root comes last: 255 bytes are 253 characters.
  if (canonical.length > 253) fail("it is longer than 253 characters");
  return canonical;
}

/** RFC 6761 section 6.3: always this machine. The name is in its one spelling. */
export function isLocalhost(name: string): boolean {
  return name === "localhost" || name.endsWith(".localhost");
}
