import type { Endpoint } from "../endpoint.ts";
import type { Candidate } from "../pickers/picker.ts";
import type { FailureKind } from "../resilience/outcome.ts";
import { Breaker, type Permit } from "./breaker.ts";
import type { CarryingTransport } from "./endpoint-transport.ts";
import { FailureCounter, type FailureLimits } from "./failure-counter.ts";

/** A failure makes an endpoint look this many times slower than average (natural log): its fast errors must not attract calls. */
const FAILURE_LOAD = Math.log(10);
/** The time in which a load fades to 1/e of itself. */
const FADE_MS = 5_000;

/**
 * Less than twice as slow is average: in an idle client every score is 0, and the smallest rest of a load would lose
 * every comparison, for minutes. So a single failure keeps an endpoint back for 6 s.
 */
const NEGLIGIBLE_LOAD = Math.log(2);

/** A lost connection keeps an endpoint back for 1.4 s: a server that is back by then must not be left alone for longer. */
const LOST_LOAD = Math.log(2.5);

export interface EndpointStateOptions {
  /** When failures eject the endpoint; `false`: never. */
  readonly breaker: FailureLimits | false;
  readonly random: () => number;
  /** Called with what a transport of the user's throws when it is closed. */
  readonly onCloseFailed?: ((error: unknown) => void) | undefined;
}

/** All that is known of one endpoint; it outlives changes of the answer. */
export class EndpointState implements Candidate {
  readonly key: string;
  /** What the source says now: its identity stays, its metadata may change. */
  endpoint: Endpoint;
  readonly rank: number;
  /** Made with the first failure; undefined before it, and where breakers are switched off. */
  breaker: Breaker | undefined;
  weight = 1;
  tier = 0;
  inFlight = 0;
  /** Made on the endpoint's first use. */
  transport: CarryingTransport | undefined;
  /** When the endpoint left the answer; undefined while it is part of it. */
  leftAt: number | undefined;
  #load = 0;
  #loadAt = 0;
  #health: FailureCounter | undefined;
  readonly #options: EndpointStateOptions;

  constructor(key: string, endpoint: Endpoint, rank: number, options: EndpointStateOptions) {
    this.#options = options;
    this.key = key;
    this.endpoint = endpoint;
    this.rank = rank;
  }

  load(now: number): number {
    // A clock that went back must not keep a load until it has caught up.
    if (this.#load === 0 || now < this.#loadAt) return 0;
    const load = this.#load * Math.exp((this.#loadAt - now) / FADE_MS);
    if (load >= NEGLIGIBLE_LOAD) return load;
    this.#load = 0;
    return 0;
  }

  /**
   * A failure enters the score at once, long before it ejects.
   *
   * @param isLostConnection whether the server is gone, the next connection tells at no cost.
   */
  addFailure(now: number, isLostConnection = false): void {
    this.#load = Math.max(this.load(now), isLostConnection ? LOST_LOAD : FAILURE_LOAD);
    this.#loadAt = now;
  }

  /** An ejected endpoint comes back as an average one, or nobody would try it. */
  resetLoad(): void {
    this.#load = 0;
  }

  /** The transport was closed: what calls that are still running connect anew closes with the last of them. */
  leave(): void {
    this.leftAt ??= Number.NEGATIVE_INFINITY;
    this.closeTransport();
  }

  /** One attempt more. Returns what its breaker is to get back when it ends. */
  begin(now: number): Permit | undefined {
    this.inFlight++;
    return this.breaker?.start(now);
  }

  /** Counts an attempt that succeeded. Resolves to true if that brought the endpoint back. */
  succeeded(permit: Permit | undefined, now: number): Promise<boolean> | false {
    if (this.breaker !== undefined) return this.breaker.succeeded(permit, now);
    this.#ensureHealth()?.succeeded(now);
    return false;
  }

  /** Counts an attempt that failed. Resolves to the time the endpoint is out for, if that ejected it. */
  async failed(permit: Permit | undefined, kind: FailureKind, now: number): Promise<number | undefined> {
    const health = this.#ensureHealth();
    if (health === undefined) return undefined;
    this.breaker ??= new Breaker(health, this.#options.random);
    return this.breaker.failed(permit, kind, now);
  }

  /** One attempt less. An endpoint that left the answer closes with its last one. */
  end(): void {
    this.inFlight--;
    if (this.leftAt !== undefined && this.inFlight === 0) this.closeTransport();
  }

  closeTransport(): void {
    const transport = this.transport;
    this.transport = undefined;
    try {
      // A user's transport: what it throws, or rejects with, must not reach the call that happened to be the last.
      const closing: unknown = transport?.close?.();
      if (closing instanceof Promise) closing.catch((error) => this.#options.onCloseFailed?.(error));
    } catch (error) {
      this.#options.onCloseFailed?.(error);
    }
  }

  #ensureHealth(): FailureCounter | undefined {
    const { breaker } = this.#options;
    if (breaker !== false) this.#health ??= new FailureCounter(breaker);
    return this.#health;
  }
}
