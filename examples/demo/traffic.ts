import type { CallOptions } from "@connectrpc/connect";
import type { PhaseReport } from "./report.ts";

/** One call; resolves to the name of the server that answered. */
export type MakeCall = (options: CallOptions) => Promise<string>;

export const MAX_PER_SECOND = 250;
export const MAX_IN_FLIGHT = 16;
/** A deadline on both sides, or a call to a dead connection would never end. */
const TIMEOUT_MS = 5_000;

interface Phase {
  calls: number;
  failures: number;
  readonly latencies: number[];
  readonly served: Map<string, number>;
}

/**
 * As many calls as the machine answers, within two limits: a call begins when it is due and fewer than MAX_IN_FLIGHT are
 * under way, and is left out otherwise. A fixed rate would pile calls up on a busy machine until their deadlines pass,
 * and show the machine's load in place of the servers'.
 */
export class Traffic {
  readonly #call: MakeCall;
  #phase = newPhase();
  #timer: NodeJS.Timeout | undefined;
  #due = 0;
  /** Calls under way, of whatever phase. */
  #pending = 0;
  #calls = 0;
  readonly #errors = new Map<string, number>();

  constructor(call: MakeCall) {
    this.#call = call;
  }

  start(): void {
    this.#due = performance.now();
    this.#tick();
  }

  /** Stops sending, and settles when nothing is under way: as a Lambda is frozen after it has answered. */
  async pause(): Promise<void> {
    clearTimeout(this.#timer);
    while (this.#pending > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  beginPhase(): void {
    this.#phase = newPhase();
  }

  report(): PhaseReport {
    const { calls, failures, latencies, served } = this.#phase;
    const sorted = [...latencies].sort((a, b) => a - b);
    const at = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
    return {
      calls,
      failures,
      p50: at(0.5),
      p99: at(0.99),
      served: Object.fromEntries([...served].sort()),
      sinceStart: { calls: this.#calls, errors: Object.fromEntries(this.#errors) },
    };
  }

  #tick(): void {
    const now = performance.now();
    for (; this.#due <= now; this.#due += 1_000 / MAX_PER_SECOND) {
      if (this.#pending < MAX_IN_FLIGHT) void this.#send(this.#phase);
    }
    this.#timer = setTimeout(() => this.#tick(), Math.max(0, this.#due - performance.now()));
  }

  async #send(phase: Phase): Promise<void> {
    const startedAt = performance.now();
    this.#pending++;
    try {
      const server = await this.#call({ timeoutMs: TIMEOUT_MS });
      add(phase.served, server);
      phase.latencies.push(performance.now() - startedAt);
    } catch (error) {
      phase.failures++;
      add(this.#errors, error instanceof Error ? error.message : String(error));
    } finally {
      phase.calls++;
      this.#calls++;
      this.#pending--;
    }
  }
}

function newPhase(): Phase {
  return { calls: 0, failures: 0, latencies: [], served: new Map() };
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
