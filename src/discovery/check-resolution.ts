import type { EndpointSpec } from "../endpoint.ts";
import { quoted } from "../quoted.ts";
import type { Resolution } from "./resolver.ts";

/** An answer that lists endpoints. */
export type Listing = Resolution & { readonly kind: "endpoints" };

/**
 * Checks what a resolver returned, ours or a user's: whatever comes from outside may be anything, and a NaN weight or
 * a port of 0 would surface far from its cause. Throws an error that names the field. Each field is read once, into an
 * object of our own: what was checked is what is used.
 */
export function checkResolution(resolution: Resolution): Resolution {
  const kind: unknown = (resolution as Resolution | undefined)?.kind;
  if (kind === "empty")
    checkTexts("cleartextTokens", "servers", (resolution as Partial<Listing>).cleartextTokens ?? []);
  if (kind === "empty" || kind === "unavailable") return resolution;
  if (kind !== "endpoints") {
    throw new TypeError(
      `the resolver returned kind ${JSON.stringify(kind) ?? "nothing"}; it must be "endpoints", "empty" or "unavailable"`,
    );
  }
  const { endpoints, ttlMs, partial = false, dropped = [], cleartextTokens = [] } = resolution as Listing;
  if (!Array.isArray(endpoints) || endpoints.length === 0) {
    throw new TypeError('the resolver returned no endpoints; to say that there are none, return kind "empty"');
  }
  if (typeof partial !== "boolean") throw new TypeError(`partial must be true or false, not ${show(partial)}`);
  checkTexts("dropped", "reasons", dropped);
  checkTexts("cleartextTokens", "servers", cleartextTokens);
  const specs = Array.from(endpoints as readonly EndpointSpec[], (spec, index) =>
    readSpec(spec, `endpoints[${index}]`),
  );
  return { kind, endpoints: specs, ttlMs, partial, dropped: [...dropped], cleartextTokens: [...cleartextTokens] };
}

function checkTexts(field: string, of: string, value: unknown): void {
  if (Array.isArray(value) && value.every((text) => typeof text === "string")) return;
  throw new TypeError(`${field} must be a list of ${of}, not ${show(value)}`);
}

/** What its names and its address say is not looked at here: one that is wrong must not hide the others. */
function readSpec(spec: EndpointSpec, where: string): EndpointSpec {
  if (typeof spec !== "object" || spec === null) throw new TypeError(`${where} must be an object, not ${show(spec)}`);
  const { address, port, name, weight, tier, metadata } = spec;
  if (typeof address !== "string") throw new TypeError(`${where}.address must be an IP address, not ${show(address)}`);
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
    port,
    ...(name !== undefined && { name }),
    ...(weight !== undefined && { weight }),
    ...(tier !== undefined && { tier }),
    ...(metadata !== undefined && { metadata }),
  };
}

function show(value: unknown): string {
  if (typeof value === "string") return quoted(value);
  return typeof value === "number" || value === undefined
    ? String(value ?? "missing")
    : (JSON.stringify(value) ?? typeof value);
}
