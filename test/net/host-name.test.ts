import { domainToASCII } from "node:url";
import { describe, expect, test } from "vitest";
import { domainFromUser, hostName, hostNameFromUser, hostNameHint, isInDomain } from "../../src/net/host-name.ts";
import { mulberry32 } from "../support/fake-runtime.ts";
import { NOT_HOST_NAMES, NUMBERS } from "../support/not-host-names.ts";

describe("a host name", () => {
  test.each([
    ["users.test", "users.test"],
    ["Users.TEST.", "users.test"],
    ["localhost", "localhost"],
    ["_grpc._tcp.users.test", "_grpc._tcp.users.test"],
    ["my_service", "my_service"],
    ["-a-.b--c.test", "-a-.b--c.test"],
    ["1.users.test", "1.users.test"],
    ["0x7f.users.test", "0x7f.users.test"],
    ["users.1a", "users.1a"],
    ["xn--bcher-kva.example", "xn--bcher-kva.example"],
    ["XN--Bcher-KVA.example", "xn--bcher-kva.example"],
    [`${"a".repeat(63)}.test`, `${"a".repeat(63)}.test`],
    [`${"a.".repeat(126)}b`, `${"a.".repeat(126)}b`],
    [`${"a.".repeat(126)}b.`, `${"a.".repeat(126)}b`],
    ["10.0.0.1", "10.0.0.1"],
    ["FD00::0:1", "fd00::1"],
  ])("%s is %s", (text, name) => {
    expect(hostName(text)).toBe(name);
    expect(hostNameFromUser(text)).toBe(name);
  });

  test.each(Object.entries({ ...NOT_HOST_NAMES, ...NUMBERS, nothing: "", "the root": "." }))(
    "has not %s",
    (_, text) => {
      expect(hostName(text)).toBeUndefined();
    },
  );

  test.each(["[::1]", "::1%eth0", "fe80::1%lo", "127.0.0.1:80", "1.2.3.4.", "http://users.test"])(
    "is not %s",
    (text) => {
      expect(hostName(text)).toBeUndefined();
      expect(hostNameFromUser(text)).toBeUndefined();
    },
  );

  test("is what the URL parser, and so Node's check of a certificate, leaves as it is", () => {
    const random = mulberry32(7);
    const parts = [..."aZ09-_.:/\\@?#%[]*\0\n\x7f ", "xn--", "0x", "ß", "K", "．", "evil.test", ".users.test", "127."];
    let accepted = 0;
    for (let i = 0; i < 20_000; i++) {
      const text = Array.from(
        { length: 1 + Math.floor(random() * 6) },
        () => parts[Math.floor(random() * parts.length)],
      ).join("");
      for (const name of [hostName(text), hostNameFromUser(text), domainFromUser(text)]) {
        if (name === undefined) continue;
        accepted++;
        const inUrl = name.includes(":") ? `[${name}]` : name;
        const { hostname, host, username, pathname, search, hash } = new URL(`https://${inUrl}:7/`);
        expect([hostname, host, username, pathname, search, hash]).toEqual([inUrl, `${inUrl}:7`, "", "/", "", ""]);
        if (!name.includes(":")) expect(domainToASCII(name)).toBe(name);
        expect(hostName(name)).toBe(name);
      }
    }
    expect(accepted).toBeGreaterThan(2_000);
  });
});

describe("a name that a user wrote", () => {
  test.each([
    ["bücher.example", "xn--bcher-kva.example"],
    ["BÜCHER.example.", "xn--bcher-kva.example"],
    ["bu\u0308cher.example", "xn--bcher-kva.example"],
    ["straße.example", "xn--strae-oqa.example"],
    ["日本語。example", "xn--wgv71a119e.example"],
    ["_grpc._tcp.bücher.example", "_grpc._tcp.xn--bcher-kva.example"],
  ])("%s is %s", (text, name) => {
    expect(hostNameFromUser(text)).toBe(name);
    expect(hostName(text)).toBeUndefined();
  });

  test.each([
    "ü/evil.test",
    "ü@evil.test",
    "ü:443",
    "ü?.test",
    "ü#.test",
    "ü%2e.test",
    "ü .test",
    "ü\t.test",
    "ü..test",
    "℀.test", // "a/c"
    "．．test",
    "１２７.0.0.1",
    "ü.７",
    "\ud800.test",
    `${"ü".repeat(60)}.test`,
  ])("%j is none", (text) => {
    expect(hostNameFromUser(text)).toBeUndefined();
  });

  test.each([
    ["https://users.test/api?x=1#y", "users.test"],
    ["users.test:443", "users.test"],
    ["https://user@users.test:443", "users.test"],
    ["*.users.test", "users.test"],
    [" users.test\n", "users.test"],
    ["users..test", "users.test"],
    ["[::1]:80", "::1"],
    ["http://10.0.0.1/", "10.0.0.1"],
    ["srv:///users.test", "users.test"],
  ])("%j: probably %s was meant", (text, meant) => {
    expect(hostNameHint(text)).toBe(`; did you mean ${JSON.stringify(meant)}?`);
  });

  test.each(["us ers", "a|b", "", "://", "1.2.3"])("%j: nobody knows what was meant", (text) => {
    expect(hostNameHint(text)).toBe("");
  });
});

test.each([
  ["users.test", "users.test", true],
  ["a.users.test", "users.test", true],
  ["a.b.users.test", "users.test", true],
  ["evilusers.test", "users.test", false],
  ["test", "users.test", false],
  ["users.test.evil.test", "users.test", false],
  ["users.tes", "users.test", false],
  ["10.0.0.1", "users.test", false],
])("%s is within %s: %s", (name, domain, within) => {
  expect(isInDomain(name, domain)).toBe(within);
});

test.each([
  ["users.test", "users.test"],
  [".Users.TEST.", "users.test"],
  [".bücher.example", "xn--bcher-kva.example"],
  ["test", undefined],
  [".test", undefined],
  ["test.", undefined],
  ["..users.test", undefined],
  ["*.users.test", undefined],
  ["10.0.0.1", undefined],
  ["::1", undefined],
  ["", undefined],
])("%s is the trusted domain %s", (text, domain) => {
  expect(domainFromUser(text)).toBe(domain);
});
