import { Code } from "@connectrpc/connect";
import type { Resolver } from "../discovery/resolver.ts";
import { domainFromUser, hostNameFromUser, hostNameHint } from "../net/host-name.ts";
import { parseHostPort } from "../net/host-port.ts";
import { ipVersion } from "../net/ip-address.ts";
import { LONGEST_TIMER_MS } from "../runtime.ts";
import { nearest } from "./did-you-mean.ts";
import {
  booleanParser,
  codesParser,
  durationParser,
  listParser,
  numberParser,
  textParser,
  type ValueParser,
} from "./parse-value.ts";

/** What an option accepts. */
export interface ValueType {
  /** After "must be": "a whole number from 1 to 10". */
  readonly description: string;
  /** Of a number. */
  readonly unit?: "ms" | "bytes";
  accepts(value: unknown): boolean;
  /** For a value that is not accepted: `; did you mean …?`, or nothing. */
  hint?(value: unknown): string;
  /** Absent for what only code can give. */
  readonly parser?: ValueParser;
}

export function durationMs(least: number): ValueType {
  return {
    description: `a number of milliseconds from ${least} to ${LONGEST_TIMER_MS}`,
    unit: "ms",
    accepts: (value) => typeof value === "number" && value >= least && value <= LONGEST_TIMER_MS,
    hint: (value) => {
      const ms = typeof value === "string" ? durationParser.parse(value).value : undefined;
      return typeof ms === "number" ? `; did you mean ${ms}?` : "";
    },
    parser: { ...durationParser, description: `${durationParser.description}, from ${least}ms to 596h` },
  };
}

export function wholeNumber(least: number, most: number): ValueType {
  return {
    description: `a whole number from ${least} to ${most}`,
    accepts: (value) => Number.isInteger(value) && (value as number) >= least && (value as number) <= most,
    parser: numberParser,
  };
}

/** The size of a message, whose prefix has 32 bits. */
export function bytes(least: number): ValueType {
  return { ...wholeNumber(least, 0xffff_ffff), unit: "bytes" };
}

export const ratio: ValueType = {
  description: "a number above 0 and up to 1",
  accepts: (value) => typeof value === "number" && value > 0 && value <= 1,
  parser: numberParser,
};

export function choice(...names: readonly string[]): ValueType {
  return {
    description: names.map((name) => `"${name}"`).join(" or "),
    accepts: (value) => typeof value === "string" && names.includes(value),
    hint: (value) => {
      const words = names.filter((name) => name.length > 2);
      const meant = names.includes(String(value)) ? String(value) : nearest(String(value), words, 1);
      return meant === undefined ? "" : `; did you mean "${meant}"?`;
    },
    parser: textParser,
  };
}

export const trueOrFalse: ValueType = {
  description: "true or false",
  accepts: (value) => typeof value === "boolean",
  parser: booleanParser,
};

export const callback: ValueType = {
  description: "a function",
  accepts: (value) => typeof value === "function",
};

export const object: ValueType = {
  description: "an object",
  accepts: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
};

/** A group of options, which `false` switches off as a whole. */
export const group: ValueType = {
  description: "an object, or false",
  accepts: (value) => value === false || object.accepts(value),
  hint: (value) => (value === true ? "; it is on by default: leave it out" : ""),
  // "true" says no more than that it is on: an empty group.
  parser: {
    ...booleanParser,
    parse: (text) => {
      const parsed = booleanParser.parse(text);
      return parsed.value === true ? { value: {} } : parsed;
    },
  },
};

export const pathPrefix: ValueType = {
  description: 'a path that starts with a slash, such as "/api"',
  accepts: (value) => typeof value === "string" && /^\/[^?#\s]*$/.test(value),
  parser: textParser,
};

export const serverName: ValueType = {
  description: 'a host name, or "target"',
  accepts: (value) => value === "target" || (typeof value === "string" && isServerName(value)),
  hint: (value) => (typeof value === "string" ? serverNameHint(value) : ""),
  parser: textParser,
};

export const domains: ValueType = {
  description: 'a list of domains of two labels or more, such as "example.com"',
  accepts: (value) => Array.isArray(value) && value.length > 0 && value.every(isDomain),
  hint: (value) => {
    const wrong = Array.isArray(value) ? value.find((domain) => !isDomain(domain)) : undefined;
    return typeof wrong === "string" ? hostNameHint(wrong, domainFromUser) : "";
  },
  parser: listParser,
};

/** The value itself may be a secret, so it is never shown. */
export const certificate: ValueType = {
  description: 'PEM text, bytes, or "file:" and a path',
  accepts: (value) => isPem(value) || value instanceof Uint8Array,
  parser: { ...textParser, description: 'PEM text, or "file:" and a path' },
};

export const certificates: ValueType = {
  description: `${certificate.description}, or a list of these`,
  accepts: (value) => certificate.accepts(value) || (Array.isArray(value) && value.every(certificate.accepts)),
  parser: { ...textParser, description: 'PEM text, or "file:" and a path' },
};

export const codes: ValueType = {
  description: "a list of Codes of @connectrpc/connect",
  accepts: (value) => Array.isArray(value) && value.every((code) => typeof code === "number" && code in Code),
  parser: codesParser,
};

export const methodNames: ValueType = {
  description: 'a list of methods, each "package.Service/Method" or "package.Service/*"',
  accepts: (value) => Array.isArray(value) && value.every(isMethodName),
  hint: (value) => {
    const slashed = Array.isArray(value) ? value.find((name) => isMethodName(String(name).replace(/^\//, ""))) : value;
    const meant = typeof slashed === "string" ? slashed.replace(/^\//, "") : "";
    return isMethodName(meant) && meant !== value && !isMethodName(slashed) ? `; did you mean "${meant}"?` : "";
  },
  parser: listParser,
};

export const dnsServers: ValueType = {
  description: 'a list of IP addresses, each "address" or "address:port"',
  accepts: (value) =>
    Array.isArray(value) && value.every((entry) => typeof entry === "string" && isServerAddress(entry)),
  parser: listParser,
};

export function listOf(type: ValueType): ValueType {
  return {
    description: `a list, each entry ${type.description}`,
    accepts: (value) => Array.isArray(value) && value.every((entry) => type.accepts(entry)),
  };
}

/** A choice that code can also make by a function. */
export function orCallback(type: ValueType): ValueType {
  return {
    ...type,
    description: `${type.description}, or a function`,
    accepts: (value) => type.accepts(value) || callback.accepts(value),
    ...(type.parser === undefined ? {} : { parser: { ...type.parser, description: type.description } }),
  };
}

export const EXAMPLE_TARGET = "srv:///_grpc._tcp.users.example.com";

export const target: ValueType = {
  description: `a URI such as "${EXAMPLE_TARGET}", or a resolver`,
  accepts: (value) =>
    typeof value === "string" ? value !== "" : typeof (value as Partial<Resolver> | null)?.resolve === "function",
  parser: { ...textParser, description: `a URI such as "${EXAMPLE_TARGET}"` },
};

/** "address" or "address:port". A scope (`fe80::1%eth0`) is allowed. */
export function isServerAddress(text: string): boolean {
  try {
    return ipVersion(parseHostPort(text, 53).host.replace(/%.*$/, "")) !== undefined;
  } catch {
    return false;
  }
}

/** "Target" is not the word "target", nor likely to be a host of that name. */
function isServerName(text: string): boolean {
  const name = hostNameFromUser(text);
  return name !== undefined && name !== "target";
}

function serverNameHint(text: string): string {
  return hostNameFromUser(text) === "target" ? '; did you mean "target"?' : hostNameHint(text);
}

function isDomain(value: unknown): boolean {
  return typeof value === "string" && domainFromUser(value) !== undefined;
}

function isMethodName(value: unknown): boolean {
  return typeof value === "string" && /^[\w.]+\/(\w+|\*)$/.test(value);
}

function isPem(value: unknown): boolean {
  return typeof value === "string" && (value.includes("-----BEGIN ") || /^file:./.test(value));
}
