import { Code } from "@connectrpc/connect";
import type { Resolver } from "../discovery/resolver.ts";
import { domainFromUser, hostNameFromUser, hostNameHint } from "../net/host-name.ts";
import { parseHostPort } from "../net/host-port.ts";
import { ipVersion } from "../net/ip-address.ts";
import { LONGEST_TIMER_MS } from "../runtime.ts";
import { nearest } from "./did-you-mean.ts";
import {
  type Written,
  writtenBoolean,
  writtenCodes,
  writtenDuration,
  writtenList,
  writtenNumber,
  writtenText,
} from "./parse-value.ts";

/** What an option accepts. */
export interface Kind {
  /** After "must be": "a whole number from 1 to 10". */
  readonly description: string;
  /** Of a number. */
  readonly unit?: "ms" | "bytes";
  accepts(value: unknown): boolean;
  /** For a value that is not accepted: `; did you mean …?`, or nothing. */
  hint?(value: unknown): string;
  /** Absent for what only code can give. */
  readonly written?: Written;
}

export function durationMs(least: number): Kind {
  return {
    description: `a number of milliseconds from ${least} to ${LONGEST_TIMER_MS}`,
    unit: "ms",
    accepts: (value) => typeof value === "number" && value >= least && value <= LONGEST_TIMER_MS,
    hint: (value) => {
      const ms = typeof value === "string" ? writtenDuration.read(value).value : undefined;
      return typeof ms === "number" ? `; did you mean ${ms}?` : "";
    },
    written: { ...writtenDuration, description: `${writtenDuration.description}, from ${least}ms to 596h` },
  };
}

export function wholeNumber(least: number, most: number): Kind {
  return {
    description: `a whole number from ${least} to ${most}`,
    accepts: (value) => Number.isInteger(value) && (value as number) >= least && (value as number) <= most,
    written: writtenNumber,
  };
}

/** The size of a message, whose prefix has 32 bits. */
export function bytes(least: number): Kind {
  return { ...wholeNumber(least, 0xffff_ffff), unit: "bytes" };
}

export const ratio: Kind = {
  description: "a number above 0 and up to 1",
  accepts: (value) => typeof value === "number" && value > 0 && value <= 1,
  written: writtenNumber,
};

export function choice(...names: readonly string[]): Kind {
  return {
    description: names.map((name) => `"${name}"`).join(" or "),
    accepts: (value) => typeof value === "string" && names.includes(value),
    hint: (value) => {
      const words = names.filter((name) => name.length > 2);
      const meant = names.includes(String(value)) ? String(value) : nearest(String(value), words, 1);
      return meant === undefined ? "" : `; did you mean "${meant}"?`;
    },
    written: writtenText,
  };
}

export const trueOrFalse: Kind = {
  description: "true or false",
  accepts: (value) => typeof value === "boolean",
  written: writtenBoolean,
};

export const callback: Kind = {
  description: "a function",
  accepts: (value) => typeof value === "function",
};

export const object: Kind = {
  description: "an object",
  accepts: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
};

/** A group of options, which `false` switches off as a whole. */
export const group: Kind = {
  description: "an object, or false",
  accepts: (value) => value === false || object.accepts(value),
  hint: (value) => (value === true ? "; it is on by default: leave it out" : ""),
  // "true" says no more than that it is on: an empty group.
  written: {
    ...writtenBoolean,
    read: (text) => {
      const reading = writtenBoolean.read(text);
      return reading.value === true ? { value: {} } : reading;
    },
  },
};

export const pathPrefix: Kind = {
  description: 'a path that starts with a slash, such as "/api"',
  accepts: (value) => typeof value === "string" && /^\/[^?#\s]*$/.test(value),
  written: writtenText,
};

export const serverName: Kind = {
  description: 'a host name, or "target"',
  accepts: (value) => value === "target" || (typeof value === "string" && isServerName(value)),
  hint: (value) => (typeof value === "string" ? serverNameHint(value) : ""),
  written: writtenText,
};

export const domains: Kind = {
  description: 'a list of domains of two labels or more, such as "example.com"',
  accepts: (value) => Array.isArray(value) && value.length > 0 && value.every(isDomain),
  hint: (value) => {
    const wrong = Array.isArray(value) ? value.find((domain) => !isDomain(domain)) : undefined;
    return typeof wrong === "string" ? hostNameHint(wrong, domainFromUser) : "";
  },
  written: writtenList,
};

/** The value itself may be a secret, so it is never shown. */
export const certificate: Kind = {
  description: 'PEM text, bytes, or "file:" and a path',
  accepts: (value) => isPem(value) || value instanceof Uint8Array,
  written: { ...writtenText, description: 'PEM text, or "file:" and a path' },
};

export const certificates: Kind = {
  description: `${certificate.description}, or a list of these`,
  accepts: (value) => certificate.accepts(value) || (Array.isArray(value) && value.every(certificate.accepts)),
  written: { ...writtenText, description: 'PEM text, or "file:" and a path' },
};

export const codes: Kind = {
  description: "a list of Codes of @connectrpc/connect",
  accepts: (value) => Array.isArray(value) && value.every((code) => typeof code === "number" && code in Code),
  written: writtenCodes,
};

export const methodNames: Kind = {
  description: 'a list of methods, each "package.Service/Method" or "package.Service/*"',
  accepts: (value) => Array.isArray(value) && value.every(isMethodName),
  hint: (value) => {
    const slashed = Array.isArray(value) ? value.find((name) => isMethodName(String(name).replace(/^\//, ""))) : value;
    const meant = typeof slashed === "string" ? slashed.replace(/^\//, "") : "";
    return isMethodName(meant) && meant !== value && !isMethodName(slashed) ? `; did you mean "${meant}"?` : "";
  },
  written: writtenList,
};

export const dnsServers: Kind = {
  description: 'a list of IP addresses, each "address" or "address:port"',
  accepts: (value) =>
    Array.isArray(value) && value.every((entry) => typeof entry === "string" && isServerAddress(entry)),
  written: writtenList,
};

export function listOf(kind: Kind): Kind {
  return {
    description: `a list, each entry ${kind.description}`,
    accepts: (value) => Array.isArray(value) && value.every((entry) => kind.accepts(entry)),
  };
}

/** A choice that code can also make by a function. */
export function orCallback(kind: Kind): Kind {
  return {
    ...kind,
    description: `${kind.description}, or a function`,
    accepts: (value) => kind.accepts(value) || callback.accepts(value),
    ...(kind.written === undefined ? {} : { written: { ...kind.written, description: kind.description } }),
  };
}

export const EXAMPLE_TARGET = "srv:///_grpc._tcp.users.example.com";

export const target: Kind = {
  description: `a URI such as "${EXAMPLE_TARGET}", or a resolver`,
  accepts: (value) =>
    typeof value === "string" ? value !== "" : typeof (value as Partial<Resolver> | null)?.resolve === "function",
  written: { ...writtenText, description: `a URI such as "${EXAMPLE_TARGET}"` },
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
