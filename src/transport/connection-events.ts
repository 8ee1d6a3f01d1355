import type { ConnectionListener } from "../endpoints/endpoint-transport.ts";
import type { Emitter } from "../telemetry/emitter.ts";

/** Turns what happens to the connections of endpoints into events of a transport. */
export function connectionEvents(emit: Emitter["emit"]): ConnectionListener {
  return {
    opened: (endpoint, address, durationMs) => emit({ type: "connection-opened", endpoint, address, durationMs }),
    closed: (endpoint, reason) => emit({ type: "connection-closed", endpoint, reason }),
  };
}
