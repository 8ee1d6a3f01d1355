import { Code } from "@connectrpc/connect";
import { parseHostPort } from "../discovery/host-port.ts";
import { ipVersion } from "../dns/ip-address.ts";

/** What an option accepts. */
export interface Kind {
  /** After "must be": "a whole number from 1 to 10". */
  readonly description: string;
  accepts(value: unknown): boolean;
}

/** Timers take at most this: longer ones fire at once (Node, and every browser). */
const LONGEST_TIMER_MS = 2_147_483_647;

export function durationMs(least: number): Kind {
  return {
    description: `a number of milliseconds from ${least} to ${LONGEST_TIMER_MS}`,
    accepts: (value) => typeof value === "number" && value >= least && value <= LONGEST_TIMER_MS,
  };
}

export function wholeNumber(least: number, most: number): Kind {
  return {
    description: `a whole number from ${least} to ${most}`,
    accepts: (value) => Number.isInteger(value) && (value as number) >= least && (value as number) <= most,
  };
}

export const ratio: Kind = {
  description: "a number above 0 and up to 1",
  accepts: (value) => typeof value === "number" && value > 0 && value <= 1,
};

export function choice(...names: readonly string[]): Kind {
  return {
    description: names.map((name) => `"${name}"`).join(" or "),
    accepts: (value) => typeof value === "string" && names.includes(value),
  };
}

export const trueOrFalse: Kind = {
  description: "true or false",
  accepts: (value) => typeof value === "boolean",
};

export const callback: Kind = {
  description: "a function",
  accepts: (value) => typeof value === "function",
};

export const object: Kind = {
  description: "an object",
  accepts: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
};

export const pathPrefix: Kind = {
  description: 'a path that starts with a slash, such as "/api"',
  accepts: (value) => typeof value === "string" && /^\/[^?#\s]*$/.test(value),
};

export const hostName: Kind = {
  description: 'a host name, or "target"',
  accepts: (value) => typeof value === "string" && /^[a-z0-9_]([a-z0-9_.:-]*[a-z0-9_])?$/i.test(value),
};

/** PEM or DER. The value itself may be a secret, so it is never shown. */
export const certificate: Kind = {
  description: "PEM text or bytes",
  accepts: (value) => isPem(value) || value instanceof Uint8Array,
};

export const code: Kind = {
  description: "a Code of @connectrpc/connect",
  accepts: (value) => typeof value === "number" && Code[value] !== undefined,
};

export const methodName: Kind = {
  description: '"package.Service/Method" or "package.Service/*"',
  accepts: (value) => typeof value === "string" && /^[\w.]+\/(\w+|\*)$/.test(value),
};

/** A port is optional; an IPv6 address with one stands in brackets. */
export const dnsServer: Kind = {
  description: '"address" or "address:port", with an IP address',
  accepts: (value) => typeof value === "string" && isServerAddress(value),
};

export function listOf(kind: Kind): Kind {
  return {
    description: `a list, each entry ${kind.description}`,
    accepts: (value) => Array.isArray(value) && value.every((entry) => kind.accepts(entry)),
  };
}

export function either(...kinds: readonly Kind[]): Kind {
  return {
    description: kinds.map((kind) => kind.description).join(", or "),
    accepts: (value) => kinds.some((kind) => kind.accepts(value)),
  };
}

/** "address" or "address:port". A scope (`fe80::1%eth0`) is allowed. */
export function isServerAddress(text: string): boolean {
  try {
    return ipVersion(parseHostPort(text, 53).host.replace(/%.*$/, "")) !== undefined;
  } catch {
    return false;
  }
}

function isPem(value: unknown): boolean {
  return typeof value === "string" && value.includes("-----BEGIN ");
}
