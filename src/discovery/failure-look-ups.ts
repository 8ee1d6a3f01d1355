import { backOffMs } from "../resilience/back-off.ts";
import { isWithin } from "../runtime.ts";

/** Between look-ups that failed connections ask for: the first two in a row may follow each other soon. */
const SOON = { lookUps: 2, apartMs: 100 };
/** The others back off. */
const LATER = { firstMs: 1_000, factor: 1.6, longestMs: 5_000 };
/** Without a failed connection for so long, the row is over. */
const ROW_ENDS_AFTER_MS = 5_000;
/** Nor does anybody look up again so soon after a look-up that brought the servers that were known already. */
const AFTER_NOTHING_NEW_MS = 5_000;

/**
 * Whether a failed connection may have its target looked up. An outage must not become one of DNS. But servers can be
 * replaced several times within a TTL, and a process that was frozen meanwhile knows nothing else: so the first two
 * look-ups come soon, and a call that succeeds on what the last one brought ends the row, as quiet does: a Lambda whose
 * servers are replaced between its invocations needs them in each.
 */
export class FailureLookUps {
  /** Look-ups in the row. */
  #inRow = 0;
  #failedAt = Number.NEGATIVE_INFINITY;
  #inVainAt = Number.NEGATIVE_INFINITY;

  /**
   * A connection has failed.
   *
   * @param askedAt when the last look-up of any reason began.
   * @param succeededAt when the last attempt that succeeded began.
   */
  mayAsk(now: number, askedAt: number, succeededAt: number): boolean {
    if (!isWithin(ROW_ENDS_AFTER_MS, this.#failedAt, now) || succeededAt > askedAt) this.#inRow = 0;
    this.#failedAt = now;
    return !isWithin(this.#apartMs, askedAt, now) && !isWithin(AFTER_NOTHING_NEW_MS, this.#inVainAt, now);
  }

  /** A look-up was started for one. */
  asked(): void {
    this.#inRow += 1;
  }

  /** A look-up has brought an answer. */
  answered(isNew: boolean, isForFailure: boolean, now: number): void {
    if (isNew) this.#inVainAt = Number.NEGATIVE_INFINITY;
    else if (isForFailure) this.#inVainAt = now;
  }

  get #apartMs(): number {
    if (this.#inRow < SOON.lookUps) return SOON.apartMs;
    return Math.round(backOffMs(LATER, this.#inRow - SOON.lookUps));
  }
}
