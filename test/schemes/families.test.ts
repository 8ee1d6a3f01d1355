import { expect, test } from "vitest";
import type { AddressFamily } from "../../src/dns/dns-client.ts";
import { ofFamily } from "../../src/schemes/families.ts";

// Which addresses are endpoints, and which are another way to the same ones.

const records = (text: string) =>
  text
    .split(" ")
    .filter((part) => part !== "")
    .map((part) => {
      const [address = "", ttl = "30"] = part.split("/");
      return { address, ttlSeconds: Number(ttl) };
    });
const shown = (text: string, family: AddressFamily) =>
  ofFamily(records(text), family)
    .map(
      ({ address, alternate, ttlSeconds }) =>
        `${address}${alternate === undefined ? "" : `=${alternate}`}/${ttlSeconds}`,
    )
    .join(" ");

test.each<[string, string, AddressFamily, string]>([
  ["one of each", "::1 127.0.0.1", "auto", "127.0.0.1=::1/30"],
  ["IPv4 alone", "10.0.0.2 10.0.0.1", "auto", "10.0.0.2/30 10.0.0.1/30"],
  ["IPv6 alone", "::2 ::1", "auto", "::2/30 ::1/30"],
  ["two of each, in any order", "10.0.0.2 ::2 10.0.0.1 ::1", "auto", "10.0.0.1=::1/30 10.0.0.2=::2/30"],
  ["more of IPv4", "10.0.0.1 10.0.0.2 10.0.0.3 ::1 ::2", "auto", "10.0.0.1=::1/30 10.0.0.2=::2/30 10.0.0.3=::1/30"],
  ["more of IPv6", "10.0.0.1 ::1 ::2 ::3", "auto", "10.0.0.1=::1/30"],
  ["the shorter time of the two", "10.0.0.1/60 ::1/5", "auto", "10.0.0.1=::1/5"],
  ["IPv4 wanted", "10.0.0.1 ::1", "ipv4", "10.0.0.1/30"],
  ["IPv6 wanted", "10.0.0.1 ::1", "ipv6", "::1/30"],
  ["IPv6 wanted, none there", "10.0.0.1", "ipv6", ""],
  ["nothing", "", "auto", ""],
])("%s", (_, given, family, expected) => {
  expect(shown(given, family)).toBe(expected);
});
