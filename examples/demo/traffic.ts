import type { CallOptions } from "@connectrpc/connect";
import type { PhaseReport } from "./report.ts";

/** One call; resolves to the name of the server that answered. */
export type MakeCall = (options: CallOptions) => Promise<string>;

const EVERY_MS = 1_000 / 250;
/** A deadline on both sides, or a call to a dead connection would never end. */
const TIMEOUT_MS = 2_000;

interface Phase {
  calls: number;
  pending: number;
  failures: number;
  readonly latencies: number[];
  readonly served: Map<string, number>;
  readonly errors: Map<string, number>;
}

/**
 * Open-loop traffic: 250 calls a second, whatever becomes of them, because a client that waits for its slow calls
 * measures itself. Latency counts from the time that a call should have been sent.
 */
export class Traffic {
  readonly #call: MakeCall;
  #phase = newPhase();
  #timer: NodeJS.Timeout | undefined;
  #due = 0;
  /** Calls under way, of whatever phase. */
  #pending = 0;

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
    const { calls, failures, latencies, served, errors, pending } = this.#phase;
    const sorted = [...latencies].sort((a, b) => a - b);
    const at = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
    return {
      calls: calls - pending,
      failures,
      p50: at(0.5),
      p99: at(0.99),
      served: Object.fromEntries([...served].sort()),
      errors: Object.fromEntries(errors),
    };
  }

  #tick(): void {
    const now = performance.now();
    for (; this.#due <= now; this.#due += EVERY_MS) void this.#send(this.#phase, this.#due);
    this.#timer = setTimeout(() => this.#tick(), Math.max(0, this.#due - performance.now()));
  }

  async #send(phase: Phase, due: number): Promise<void> {
    phase.calls++;
    phase.pending++;
    this.#pending++;
    try {
      const server = await this.#call({ timeoutMs: TIMEOUT_MS });
      phase.served.set(server, (phase.served.get(server) ?? 0) + 1);
      phase.latencies.push(performance.now() - due);
    } catch (error) {
      phase.failures++;
      const message = error instanceof Error ? error.message : String(error);
      phase.errors.set(message, (phase.errors.get(message) ?? 0) + 1);
    } finally {
      phase.pending--;
      this.#pending--;
    }
  }
}

function newPhase(): Phase {
  return { calls: 0, pending: 0, failures: 0, latencies: [], served: new Map(), errors: new Map() };
}
