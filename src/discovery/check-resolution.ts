import type { EndpointSpec } from "../endpoint.ts";
import type { Resolution } from "./resolver.ts";

/**
 * Checks what a resolver returned, ours or a user's: whatever comes from outside may be anything, and a NaN weight or
 * a port of 0 would surface far from its cause. Throws an error that names the field.
 */
export function checkResolution(resolution: Resolution): Resolution {
  const kind: unknown = (resolution as Resolution | undefined)?.kind;
  if (kind === "empty" || kind === "unavailable") return resolution;
  if (kind !== "endpoints" || resolution.kind !== "endpoints") {
    throw new TypeError(
      `the resolver returned kind ${JSON.stringify(kind) ?? "nothing"}; it must be "endpoints", "empty" or "unavailable"`,
    );
  }
  if (!Array.isArray(resolution.endpoints) || resolution.endpoints.length === 0) {
    throw new TypeError('the resolver returned no endpoints; to say that there are none, return kind "empty"');
  }
  const partial: unknown = resolution.partial;
  if (partial !== undefined && typeof partial !== "boolean") {
    throw new TypeError(`partial must be true or false, not ${show(partial)}`);
  }
  for (const [index, spec] of resolution.endpoints.entries()) checkSpec(spec, `endpoints[${index}]`);
  return resolution;
}

function checkSpec(spec: EndpointSpec, where: string): void {
  if (typeof spec !== "object" || spec === null) throw new TypeError(`${where} must be an object, not ${show(spec)}`);
  if (typeof spec.address !== "string" || spec.address === "") {
    throw new TypeError(`${where}.address must be an IP address, not ${show(spec.address)}`);
  }
  if (!Number.isInteger(spec.port) || spec.port < 1 || spec.port > 65_535) {
    throw new TypeError(`${where}.port must be a whole number from 1 to 65535, not ${show(spec.port)}`);
  }
  if (spec.weight !== undefined && !(spec.weight >= 0 && spec.weight <= Number.MAX_SAFE_INTEGER)) {
    throw new TypeError(`${where}.weight must be a number from 0, not ${show(spec.weight)}`);
  }
  if (spec.tier !== undefined && !Number.isInteger(spec.tier)) {
    throw new TypeError(`${where}.tier must be a whole number, not ${show(spec.tier)}`);
  }
  if (spec.name !== undefined && typeof spec.name !== "string") {
    throw new TypeError(`${where}.name must be a host name, not ${show(spec.name)}`);
  }
}

function show(value: unknown): string {
  return typeof value === "number" || value === undefined
    ? String(value ?? "missing")
    : (JSON.stringify(value) ?? typeof value);
}
