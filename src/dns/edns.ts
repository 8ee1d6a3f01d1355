import { type Clock, isWithin } from "../runtime.ts";

/**
 * How long a server is asked without an OPT record that did not understand it. RFC 6891 section 6.2.2 wants that
 * remembered, so that not every question is asked twice.
 */
const REFUSED_MS = 600_000;
/** And one that may have failed for other reasons: a datagram gets lost, a resolver cannot reach others for a moment. */
const SUSPECTED_MS = 60_000;

/** Which servers do better without EDNS, by name. */
export class EdnsMemory {
  readonly #clock: Clock;
  readonly #without = new Map<string, { readonly since: number; readonly forMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  isWithout(server: string): boolean {
    const entry = this.#without.get(server);
    return entry !== undefined && isWithin(entry.forMs, entry.since, this.#clock.now());
  }

  /**
   * A server has answered without an OPT record after it had failed with one.
   *
   * @param isRefusal it said what servers say that do not know EDNS.
   */
  answeredWithout(server: string, isRefusal: boolean): void {
    this.#without.set(server, { since: this.#clock.now(), forMs: isRefusal ? REFUSED_MS : SUSPECTED_MS });
  }
}
