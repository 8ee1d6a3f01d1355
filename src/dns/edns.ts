/**
 * How long a server is asked without an OPT record that did not understand it. RFC 6891 section 6.2.2 wants that
 * remembered, so that not every question is asked twice.
 */
const REFUSED_MS = 600_000;
/** And one that may have failed for other reasons: a datagram gets lost, a resolver cannot reach others for a moment. */
const SUSPECTED_MS = 60_000;

/** Servers that do better without EDNS, by name: since when that is known, and for how long it is remembered. */
export type ServersWithoutEdns = Map<string, { readonly since: number; readonly forMs: number }>;

/**
 * A server has answered without an OPT record after it had failed with one.
 *
 * @param isRefusal it said what servers say that do not know EDNS.
 */
export function rememberWithoutEdns(servers: ServersWithoutEdns, name: string, isRefusal: boolean, now: number): void {
  servers.set(name, { since: now, forMs: isRefusal ? REFUSED_MS : SUSPECTED_MS });
}
