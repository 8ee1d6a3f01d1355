import { escaped } from "../common/quoted.ts";
import { mayBeSecret, NOT_SHOWN, quotedUnlessSecret } from "../common/secret.ts";
import type { EndpointSpec } from "../endpoint.ts";
import type { TlsOptions } from "../net/tls-options.ts";
import type { Resolution, Resolver } from "./resolver.ts";
import { type Listing, withCheckedNames } from "./verified-names.ts";

/** A user's resolver. Behind this, each field of its answers is what its type says, and each name is a host name. */
export function checkedResolver(resolver: Resolver, option: string, tls: TlsOptions | false): Resolver {
  return withCheckedNames(resolver, option, tls, checkResolution);
}

/**
 * Whatever a user's code returns may be anything, and a NaN weight or a port of 0 would surface far from its cause.
 * Throws an error that names the field. Each field is read once, into an object of our own: what was checked is what is
 * used.
 */
function checkResolution(resolution: Resolution): Resolution {
  const kind: unknown = (resolution as Resolution | undefined)?.kind;
  if (kind === "empty" || kind === "unavailable") {
    const { ttlMs, reason } = resolution as Resolution & { readonly kind: typeof kind };
    if (typeof reason !== "string") {
      throw new TypeError(`reason must be a string that explains why there are no endpoints, not ${show(reason)}`);
    }
    if (kind === "unavailable") return { kind, reason, ...checkTtl(ttlMs) };
    return { kind, reason, ...checkTtl(ttlMs), ...checkTokens((resolution as Partial<Listing>).cleartextTokens) };
  }
  if (kind !== "endpoints") {
    throw new TypeError(
      `the resolver returned kind ${kind === undefined ? "nothing" : show(kind)}; it must be "endpoints", "empty" or "unavailable"`,
    );
  }
  const { endpoints, ttlMs, partial = false, dropped = [], cleartextTokens, rest } = resolution as Listing;
  if (!Array.isArray(endpoints) || endpoints.length === 0) {
    throw new TypeError('the resolver returned an empty list of endpoints; return kind "empty" instead');
  }
  if (typeof partial !== "boolean") throw new TypeError(`partial must be true or false, not ${show(partial)}`);
  const specs = Array.from(endpoints as readonly EndpointSpec[], (spec, index) =>
    readSpec(spec, `endpoints[${index}]`),
  );
  if (rest !== undefined && typeof rest.then !== "function") {
    throw new TypeError(`rest must be a promise of a resolution, not ${show(rest)}`);
  }
  return {
    kind,
    endpoints: specs,
    ...checkTtl(ttlMs),
    partial,
    dropped: checkTexts("dropped", "reasons", dropped),
    ...checkTokens(cleartextTokens),
    ...(rest !== undefined && { rest }),
  };
}

function checkTokens(value: unknown): { readonly cleartextTokens?: readonly string[] } {
  return value === undefined ? {} : { cleartextTokens: checkTexts("cleartextTokens", "servers", value) };
}

function checkTexts(field: string, of: string, value: unknown): readonly string[] {
  if (Array.isArray(value) && value.every((text) => typeof text === "string")) return [...value];
  throw new TypeError(`${field} must be a list of ${of}, not ${show(value)}`);
}

/** A Date or a string would compare like a number, and become one that nobody meant. */
function checkTtl(ttlMs: unknown): { readonly ttlMs?: number } {
  if (ttlMs === undefined) return {};
  if (typeof ttlMs === "number" && ttlMs >= 0) return { ttlMs };
  throw new TypeError(
    `ttlMs must be a number of milliseconds from 0, not ${show(ttlMs)}; leave it out for dns.minTtlMs`,
  );
}

/** What its names and its address say is not looked at here: one that is wrong must not hide the others. */
function readSpec(spec: EndpointSpec, where: string): EndpointSpec {
  if (typeof spec !== "object" || spec === null) throw new TypeError(`${where} must be an object, not ${show(spec)}`);
  const { address, alternateAddress, port, name, weight, tier, metadata } = spec;
  if (typeof address !== "string") throw new TypeError(`${where}.address must be an IP address, not ${show(address)}`);
  if (alternateAddress !== undefined && typeof alternateAddress !== "string") {
    throw new TypeError(`${where}.alternateAddress must be an IP address, not ${show(alternateAddress)}`);
  }
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new TypeError(`${where}.port must be a whole number from 1 to 65535, not ${show(port)}`);
  }
  if (weight !== undefined && !(weight >= 0 && weight <= Number.MAX_SAFE_INTEGER)) {
    throw new TypeError(`${where}.weight must be a number from 0, not ${show(weight)}`);
  }
  if (tier !== undefined && !Number.isInteger(tier)) {
    throw new TypeError(`${where}.tier must be a whole number, not ${show(tier)}`);
  }
  if (name !== undefined && typeof name !== "string") {
    throw new TypeError(`${where}.name must be a host name, not ${show(name)}`);
  }
  return {
    address,
    ...(alternateAddress !== undefined && { alternateAddress }),
    port,
    ...(name !== undefined && { name }),
    ...(weight !== undefined && { weight }),
    ...(tier !== undefined && { tier }),
    ...(metadata !== undefined && { metadata }),
  };
}

/** Never fails, and never shows much: anything may come here. */
function show(value: unknown): string {
  if (value === undefined) return "missing";
  if (typeof value === "string") return quotedUnlessSecret(value);
  if (typeof value === "number") return String(value);
  try {
    const text = JSON.stringify(value) ?? typeof value;
    if (mayBeSecret(text)) return NOT_SHOWN;
    return escaped(text.length > 80 ? `${text.slice(0, 77)}...` : text);
  } catch {
    return typeof value;
  }
}
