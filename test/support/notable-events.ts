import type { BalancedTransportEvent } from "../../src/node.ts";

/** What a transport observes as it goes, and decides nothing by. */
const OBSERVATIONS: ReadonlySet<BalancedTransportEvent["type"]> = new Set([
  "looked-up",
  "connection-opened",
  "connection-closed",
  "not-retried",
]);

/** The events that tell of decisions. */
export function notable(events: readonly BalancedTransportEvent[]): BalancedTransportEvent[] {
  return events.filter(({ type }) => !OBSERVATIONS.has(type));
}
