import { escaped, messageOf } from "../common/quoted.ts";
import { placeOf } from "../endpoint.ts";
import type { BalancedTransportEvent, BalancedTransportEventListener } from "./events.ts";

/** Writes each event as one line of logfmt, if its level is wanted. */
export function logListener(
  level: "info" | "debug",
  write: (line: string) => void,
  now: () => number,
): BalancedTransportEventListener {
  return (event) => {
    if (FREQUENT.has(event.type) && level !== "debug") return;
    if (event.type === "resolved" && level !== "debug" && event.added.length + event.removed.length === 0) return;
    const time = new Date(now()).toISOString();
    const { type, target, name } = event;
    const source = { ...(name !== undefined && { name }), target };
    const pairs = { time, level: levelOf(event), msg: `connect-lb: ${type}`, ...source, ...fieldsOf(event) };
    write(
      Object.entries(pairs)
        .map(([key, value]) => `${key}=${quoted(value)}`)
        .join(" "),
    );
  };
}

/** What may come with each call, each connection or each TTL. */
const FREQUENT: ReadonlySet<BalancedTransportEvent["type"]> = new Set([
  "hedge",
  "full",
  "retry",
  "not-retried",
  "looked-up",
  "connection-opened",
  "connection-closed",
]);

const WARNINGS: ReadonlySet<BalancedTransportEvent["type"]> = new Set([
  "resolve-failed",
  "empty",
  "records-dropped",
  "token-in-cleartext",
  "many-transports",
  "tls-reload-failed",
  "ejected",
  "callback-failed",
]);

function levelOf(event: BalancedTransportEvent): string {
  if (FREQUENT.has(event.type)) return "debug";
  if (event.type === "serving") return event.mode === "eligible" && !event.fallback ? "info" : "warn";
  return WARNINGS.has(event.type) ? "warn" : "info";
}

function fieldsOf(event: BalancedTransportEvent): Record<string, unknown> {
  switch (event.type) {
    case "resolved":
      return {
        endpoints: event.endpoints,
        added: event.added.length,
        removed: event.removed.length,
        ttl_ms: event.ttlMs,
      };
    case "looked-up":
      return {
        ...fallbackOf(event),
        reason: event.reason,
        result: event.result,
        duration_ms: Math.round(event.durationMs),
        servers: event.servers.join(","),
      };
    case "unconfirmed-empty":
    case "empty":
      return { ...fallbackOf(event), reason: event.reason };
    case "records-dropped":
      return { ...fallbackOf(event), dropped: event.dropped, reason: event.reason };
    case "token-in-cleartext":
      return { ...fallbackOf(event), server: event.server };
    case "resolve-failed":
      return { ...fallbackOf(event), serving_stale: event.stale, error: messageOf(event.error) };
    case "many-transports":
      return { transports: event.transports };
    case "tls-reloaded":
      return { files: event.files.join(",") };
    case "tls-reload-failed":
      return { files: event.files.join(","), error: messageOf(event.error) };
    case "connection-opened":
      return { endpoint: placeOf(event.endpoint), address: event.address, duration_ms: Math.round(event.durationMs) };
    case "connection-closed":
      return { endpoint: placeOf(event.endpoint), reason: event.reason };
    case "serving":
      return { tier: event.tier, mode: event.mode, ...(event.fallback && { fallback: true }) };
    case "ejected":
      return { endpoint: placeOf(event.endpoint), outcome: event.outcome, for_ms: Math.round(event.forMs) };
    case "returned":
      return { endpoint: placeOf(event.endpoint) };
    case "hedge":
      return { method: event.method, endpoint: placeOf(event.endpoint), first: placeOf(event.first) };
    case "full":
      return { method: event.method, endpoint: placeOf(event.endpoint) };
    case "retry":
      return {
        method: event.method,
        endpoint: placeOf(event.endpoint),
        attempt: event.attempt,
        outcome: event.outcome,
        delay_ms: Math.round(event.delayMs),
        error: messageOf(event.error),
        ...hintOf(event),
      };
    case "not-retried":
      return {
        method: event.method,
        endpoint: placeOf(event.endpoint),
        outcome: event.outcome,
        because: event.because,
        error: messageOf(event.error),
        ...hintOf(event),
      };
    case "callback-failed":
      return { callback: event.callback, error: messageOf(event.error) };
  }
}

/** Only what is of the fallback target says so. */
function fallbackOf({ fallback }: { readonly fallback?: true }): { fallback?: true } {
  return fallback === undefined ? {} : { fallback };
}

function hintOf({ hint }: { readonly hint: string | undefined }): { hint?: string } {
  return hint === undefined ? {} : { hint };
}

/** Values with spaces, quotes or line ends are quoted, so that one event stays one line. */
function quoted(value: unknown): string {
  const text = String(value);
  return escaped(/^[^\s"=]+$/.test(text) ? text : JSON.stringify(text));
}
