import { Code } from "@connectrpc/connect";
import { validateReadWriteMaxBytes } from "@connectrpc/connect/protocol";
import { describe, expect, test } from "vitest";
import { mergeLayers } from "../../src/config/layers.ts";
import { groups, membersOf, optionTable } from "../../src/config/option-table.ts";
import type { BalancedTransportOptions } from "../../src/config/options.ts";
import { type ResolvedOptions, resolveOptions } from "../../src/config/resolved-options.ts";
import { nameRules } from "../../src/discovery/verified-names.ts";
import type { TlsOptions } from "../../src/net/tls-options.ts";
import { nodePlatform } from "../../src/node/node-platform.ts";
import { createBalancedTransport } from "../../src/node.ts";
import { schemeResolver } from "../../src/schemes/all.ts";
import { parseTarget } from "../../src/schemes/parse-target.ts";
import type { DnsClientFactory } from "../../src/schemes/scheme.ts";
import { Emitter } from "../../src/telemetry/emitter.ts";
import { defaultOf } from "./documentation.ts";

// The option table documents the defaults, resolveOptions() fills them in: both must be the same.

const TARGET = "dns:///users.test:80";
const settings = (options: Partial<BalancedTransportOptions> = {}): ResolvedOptions =>
  resolveOptions({ target: TARGET, ...options }, new Emitter({ target: TARGET }, undefined, undefined));

/** A group that is on by default. */
function on<T>(group: T | false): T {
  if (group === false) throw new Error("the group is off");
  return group;
}

/** What a default is that resolveOptions() fills in. */
const filledIn: Readonly<Record<string, (filled: ResolvedOptions) => unknown>> = {
  interceptors: ({ interceptors }) => interceptors,
  attemptInterceptors: ({ attemptInterceptors }) => attemptInterceptors,
  policy: ({ policy }) => policy,
  createEndpointTransport: ({ createEndpointTransport }) => createEndpointTransport,
  "tls.cert": ({ tls }) => on(tls).cert,
  "tls.key": ({ tls }) => on(tls).key,
  "connect.sendCompression": ({ connect }) => connect.sendCompression,
  "connect.jsonOptions": ({ connect }) => connect.jsonOptions,
  "connect.binaryOptions": ({ connect }) => connect.binaryOptions,
  protocol: ({ protocol }) => protocol,
  httpVersion: ({ httpVersion }) => httpVersion,
  pathPrefix: ({ pathPrefix }) => pathPrefix,
  picker: ({ picker }) => (picker === settings({ picker: "p2c" }).picker ? "p2c" : "another"),
  defaultTimeoutMs: ({ defaultTimeoutMs }) => defaultTimeoutMs,
  attemptTimeoutMs: ({ attemptTimeoutMs }) => attemptTimeoutMs,
  connectTimeoutMs: ({ connectTimeoutMs }) => connectTimeoutMs,
  "retry.maxAttempts": ({ retry }) => on(retry).maxAttempts,
  "retry.baseDelayMs": ({ retry }) => on(retry).baseDelayMs,
  "retry.maxDelayMs": ({ retry }) => on(retry).maxDelayMs,
  "retry.codes": ({ retry }) => [...on(retry).codes].map((code) => Code[code].toLowerCase()).join(),
  "retry.idempotentMethods": ({ retry }) => [...on(retry).idempotentMethods],
  "retry.peekStreams": ({ peekStreams }) => peekStreams,
  "breaker.consecutiveFailures": ({ breaker }) => on(breaker).consecutiveFailures,
  "breaker.failureRatio": ({ breaker }) => on(breaker).failureRatio,
  "breaker.minCalls": ({ breaker }) => on(breaker).minCalls,
  "dns.minTtlMs": ({ ages }) => ages.minTtlMs,
  "dns.maxTtlMs": ({ ages }) => ages.maxTtlMs,
  "dns.maxStaleMs": ({ ages }) => ages.maxStaleMs,
  "connection.verifyAfterMs": ({ connection }) => connection.verifyAfterMs,
  "connection.maxAgeMs": ({ connection }) => connection.maxAgeMs,
};

/** Defaults that stand elsewhere, and how each is found out. */
const elsewhere: Readonly<Record<string, (text: string) => void>> = {
  fallbackTarget(text) {
    expect(text).toBe("none");
    expect(createBalancedTransport({ target: TARGET }).snapshot().fallback).toBeUndefined();
  },
  log: (text) => expect(text).toBe("none"),
  onEvent: (text) => expect(text).toBe("none"),
  "connection.idleMs"(text) {
    const [h2, h1] = (["2", "1.1"] as const).map((httpVersion) => settings({ httpVersion }).connection.idleMs / 1_000);
    expect(text).toBe(`${h2} s for HTTP/2, ${h1} s for HTTP/1.1`);
  },
  "dns.servers"(text) {
    expect(text).toBe("the system's");
    expect(asked(TARGET).map(({ servers }) => servers)).toEqual([undefined]);
  },
  "dns.transport"(text) {
    const transports = (target: string) => asked(target).map(({ transport }) => transport);
    expect(new Set(transports(TARGET))).toEqual(new Set(["udp"]));
    expect(transports("consul:///users")).toContain("tcp");
    expect(text).toBe('"udp", for Consul targets "tcp"');
  },
  async "dns.family"(text) {
    const families: unknown[] = [];
    const resolver = schemeResolver(
      parseTarget(TARGET),
      {},
      {
        ...nodePlatform,
        createStubResolver: () => ({
          srv: () => Promise.reject(new Error("not needed")),
          addresses: async (_name, _limits, family) => {
            families.push(family);
            return { kind: "records", records: [{ address: "10.0.0.1", ttlSeconds: 1 }] };
          },
        }),
      },
      {},
    );
    const now = Date.now;
    await resolver.resolve({
      signal: new AbortController().signal,
      deadline: now() + 1_000,
      clock: { now },
      reason: "first",
    } as Parameters<typeof resolver.resolve>[0]);
    expect(families.map((family) => JSON.stringify(family))).toEqual([text]);
  },
  // Connect's own, which are passed through: test/call/wire-options.test.ts sees the first three on the wire.
  "connect.useBinaryFormat": (text) => expect(text).toBe("true"),
  "connect.useHttpGet": (text) => expect(text).toBe("false"),
  "connect.acceptCompression": (text) => expect(text).toBe("gzip and brotli"),
  "connect.compressMinBytes": (text) => expect(text).toBe(`${connectsOwn.compressMinBytes} bytes`),
  "connect.readMaxBytes": (text) => expect(text).toBe(`${connectsOwn.readMaxBytes} bytes`),
  "connect.writeMaxBytes": (text) => expect(text).toBe(`${connectsOwn.writeMaxBytes} bytes`),
  "tls.ca"(text) {
    expect(text).toBe("the system's");
    expect(on(settings().tls).ca).toBeUndefined();
  },
  "tls.serverName": (text) => expect([text, verifiedBy({})]).toEqual(["the name in the target", "users.test"]),
  "tls.targetSuffixes"(text) {
    expect([text, verifiedBy({ serverName: "target" })]).toEqual(["the name in the target", ["users.test"]]);
  },
};
const connectsOwn = validateReadWriteMaxBytes(undefined, undefined, undefined);

/** The name that TLS verifies, or the domains of such names. */
function verifiedBy(tls: TlsOptions): unknown {
  const { common, trusted } = nameRules(schemeResolver(parseTarget(TARGET), {}, nodePlatform, {}).authority, tls);
  return common ?? trusted;
}

/** What the DNS clients of a target are made with. */
function asked(target: string): Parameters<DnsClientFactory>[0][] {
  const made: Parameters<DnsClientFactory>[0][] = [];
  const createStubResolver: DnsClientFactory = (options) => {
    made.push(options);
    const notNeeded = () => Promise.reject(new Error("not needed"));
    return { srv: notNeeded, addresses: notNeeded };
  };
  schemeResolver(parseTarget(target), {}, { ...nodePlatform, createStubResolver }, {});
  return made;
}

const unitsMs = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000 };

/** What a documented default means: "5 min", "none", "0.5", "false" or a text in quotes. */
function meant(text: string): unknown {
  const duration = /^(\d+) (ms|s|min|h)$/.exec(text);
  if (duration !== null) return Number(duration[1]) * unitsMs[duration[2] as keyof typeof unitsMs];
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  if (/^(true|false|"[^"]*")$/.test(text)) return JSON.parse(text);
  return text;
}

/** None, in each of the ways in which settings say it. */
const isNone = (value: unknown): boolean =>
  value === undefined ||
  value === "" ||
  value === Number.POSITIVE_INFINITY ||
  (Array.isArray(value) && value.length === 0);

const documented = optionTable().flatMap((row): [string, string][] => {
  const text = defaultOf(row);
  return text === undefined ? [] : [[row.path, text]];
});

describe("the documented default is the one that is filled in", () => {
  test.each(documented)("%s: %s", async (path, text) => {
    const read = filledIn[path];
    if (read === undefined) {
      expect(Object.keys(elsewhere), "a new default: say how it is found out").toContain(path);
      await elsewhere[path]?.(text);
      return;
    }
    const value = read(settings());
    if (/^none\b/.test(text)) expect(value).toSatisfy(isNone);
    else expect(value).toBe(meant(text));
  });

  test("for each option that is no group", () => {
    const others = optionTable().flatMap(({ path }) => (groups.has(path) ? [] : [path]));
    expect(documented.map(([path]) => path)).toEqual(others);
    const known = [...Object.keys(filledIn), ...Object.keys(elsewhere)];
    expect(documented.map(([path]) => path).sort()).toEqual(known.sort());
  });

  test("and a group is what has members", () => {
    for (const { path } of optionTable()) expect(groups.has(path)).toBe(membersOf(path).length > 0);
  });
});

describe("a default gives way to what the user says of its counterpart", () => {
  test.each([
    [
      "a lower TTL ceiling lowers the floor",
      { dns: { maxTtlMs: 1_000 } },
      { ages: { minTtlMs: 1_000, maxTtlMs: 1_000 } },
    ],
    ["a higher TTL ceiling does not", { dns: { maxTtlMs: 9_000 } }, { ages: { minTtlMs: 5_000, maxTtlMs: 9_000 } }],
    [
      "a higher TTL floor raises the ceiling",
      { dns: { minTtlMs: 600_000 } },
      { ages: { minTtlMs: 600_000, maxTtlMs: 600_000 } },
    ],
    ["a lower TTL floor does not", { dns: { minTtlMs: 0 } }, { ages: { minTtlMs: 0, maxTtlMs: 300_000 } }],
    [
      "a shorter longest back-off shortens the first",
      { retry: { maxDelayMs: 50 } },
      { retry: { baseDelayMs: 50, maxDelayMs: 50 } },
    ],
    [
      "a longer longest back-off does not",
      { retry: { maxDelayMs: 9_000 } },
      { retry: { baseDelayMs: 100, maxDelayMs: 9_000 } },
    ],
    [
      "a longer first back-off lengthens the longest",
      { retry: { baseDelayMs: 3_000 } },
      { retry: { baseDelayMs: 3_000, maxDelayMs: 3_000 } },
    ],
    [
      "a shorter first back-off does not",
      { retry: { baseDelayMs: 0 } },
      { retry: { baseDelayMs: 0, maxDelayMs: 2_000 } },
    ],
  ])("%s", (_, options, expected) => {
    expect(settings(options)).toMatchObject(expected);
  });

  test("a member that is undefined is not set", () => {
    const unset = { breaker: { minCalls: undefined }, connection: { idleMs: undefined, maxAgeMs: undefined } };
    const options = mergeLayers({ target: TARGET, ...unset } as unknown as BalancedTransportOptions, []);
    const { breaker, connection } = settings();
    expect(settings(options)).toMatchObject({ breaker, connection });
  });

  test("a group that is off has no defaults", () => {
    const { retry, breaker, tls, peekStreams } = settings({ retry: false, breaker: false, tls: false });
    expect({ retry, breaker, tls, peekStreams }).toEqual({
      retry: false,
      breaker: false,
      tls: false,
      peekStreams: false,
    });
  });
});
