import type { RetryBudget } from "../resilience/budget.ts";
import type { Clock } from "../runtime.ts";
import type { Attempt, Send } from "./attempt.ts";
import type { EndpointChooser } from "./choose-endpoint.ts";
import { FailedAttempt } from "./failed-attempt.ts";
import type { MayRetry } from "./may-retry.ts";
import { Race } from "./race.ts";

export interface HedgerOptions {
  readonly chooser: EndpointChooser;
  readonly budget: RetryBudget;
  readonly mayRetry: MayRetry;
  readonly clock: Clock;
  /** Told when a second copy is about to be sent. */
  readonly onHedge: (first: Attempt, copy: Attempt) => void;
  /** Runs an attempt to its end. */
  readonly run: (attempt: Attempt, send: Send<unknown>) => Promise<unknown>;
}

/** Sends a second copy of a call to another endpoint, while the first is under way. One a call. */
export class Hedger {
  readonly #options: HedgerOptions;

  constructor(options: HedgerOptions) {
    this.#options = options;
  }

  /** Does nothing where the call may not be on its way twice, or there is nowhere else to go. */
  hedge(attempt: Attempt): void {
    const { chooser, budget, mayRetry, clock } = this.#options;
    const { call } = attempt;
    const now = clock.now();
    if (call.isHedged || call.signal?.aborted || call.isOver(now) || !mayRetry.asCopy(call)) return;
    const send = attempt.resend?.();
    if (send?.canResend() !== true || !budget.allowsRetry(now)) return;
    const copy = chooser.besides(attempt, now);
    if (copy === undefined) return;
    this.#options.onHedge(attempt, copy);
    call.isHedged = true;
    call.unreported = 1;
    budget.failed(now);
    const race = new Race(attempt);
    attempt.race = race;
    race.copy = this.#run(race, copy, send);
    // Whoever holds the first copy asks for it, if it ever does.
    race.copy.catch(() => {
      race.isCopyOver = true;
    });
  }

  async #run(race: Race, copy: Attempt, send: Send<unknown>): Promise<unknown> {
    const { chooser, clock, run } = this.#options;
    for (let next = copy; ; ) {
      race.enter(next);
      try {
        return await run(next, send);
      } catch (error) {
        const { decision } = error instanceof FailedAttempt ? error : {};
        if (race.isLost(next) || !decision?.retry || !decision.elsewhere) throw error;
        // It never left: as cheap as it was before.
        const other = chooser.besides(next, clock.now());
        if (other === undefined) throw error;
        next = other;
      }
    }
  }
}
