import { hostAndPort } from "../endpoint.ts";
import { escaped } from "../quoted.ts";
import type { BalancedTransportEvent, EventListener } from "./events.ts";

/** Writes each event as one line of logfmt, if its level is wanted. */
export function logListener(level: "info" | "debug", write: (line: string) => void, now: () => number): EventListener {
  return (event) => {
    if (EACH_CALLS.has(event.type) && level !== "debug") return;
    if (event.type === "resolved" && level !== "debug" && event.added.length + event.removed.length === 0) return;
    const time = new Date(now()).toISOString();
    const pairs = { time, level: levelOf(event), msg: `connect-lb: ${event.type}`, ...fieldsOf(event) };
    write(
      Object.entries(pairs)
        .map(([key, value]) => `${key}=${quoted(value)}`)
        .join(" "),
    );
  };
}

/** What may come with each call. */
const EACH_CALLS: ReadonlySet<BalancedTransportEvent["type"]> = new Set(["hedge", "full", "retry"]);

const WARNINGS: ReadonlySet<BalancedTransportEvent["type"]> = new Set([
  "resolve-failed",
  "empty",
  "records-dropped",
  "token-in-cleartext",
  "many-transports",
  "tls-reload-failed",
  "ejected",
]);

function levelOf(event: BalancedTransportEvent): string {
  if (EACH_CALLS.has(event.type)) return "debug";
  return WARNINGS.has(event.type) ? "warn" : "info";
}

function fieldsOf(event: BalancedTransportEvent): Record<string, unknown> {
  switch (event.type) {
    case "resolved":
      return {
        target: event.target,
        endpoints: event.endpoints,
        added: event.added.length,
        removed: event.removed.length,
        ttl_ms: event.ttlMs,
      };
    case "unconfirmed-empty":
    case "empty":
      return { target: event.target, reason: event.reason };
    case "records-dropped":
      return { target: event.target, dropped: event.dropped, reason: event.reason };
    case "token-in-cleartext":
      return { target: event.target, server: event.server };
    case "resolve-failed":
      return { target: event.target, serving_stale: event.stale, error: messageOf(event.error) };
    case "many-transports":
      return { target: event.target, transports: event.transports };
    case "tls-reloaded":
      return { target: event.target, files: event.files.join(",") };
    case "tls-reload-failed":
      return { target: event.target, files: event.files.join(","), error: messageOf(event.error) };
    case "ejected":
      return { endpoint: nameOf(event), outcome: event.outcome, for_ms: Math.round(event.forMs) };
    case "returned":
      return { endpoint: nameOf(event) };
    case "hedge":
      return { method: event.method, endpoint: nameOf(event), first: nameOf({ endpoint: event.first }) };
    case "full":
      return { method: event.method, endpoint: nameOf(event) };
    case "retry":
      return {
        method: event.method,
        endpoint: nameOf(event),
        attempt: event.attempt,
        outcome: event.outcome,
        delay_ms: Math.round(event.delayMs),
        error: messageOf(event.error),
      };
  }
}

function nameOf({ endpoint }: { endpoint: { address: string; port: number } }): string {
  return hostAndPort(endpoint.address, endpoint.port);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Values with spaces, quotes or line ends are quoted, so that one event stays one line. */
function quoted(value: unknown): string {
  const text = String(value);
  return escaped(/^[^\s"=]+$/.test(text) ? text : JSON.stringify(text));
}
