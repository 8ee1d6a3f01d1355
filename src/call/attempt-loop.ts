import { ConnectError } from "@connectrpc/connect";
import { ConstantBackoff, handleType, retry } from "cockatiel";
import { abortedBy, deadlineExceeded } from "../errors.ts";
import type { RetryDecision } from "../resilience/retry-decision.ts";
import type { Attempt } from "./attempt.ts";
import type { Call } from "./call.ts";
import { Connector, type ConnectorOptions } from "./connector.ts";
import { OUTRUN } from "./race.ts";

/**
 * Sends one attempt. It ends a successful one by `Judge.succeeded` (a stream does at its end); it rejects with what
 * the endpoint's transport threw.
 */
export interface Send<R> {
  send(attempt: Attempt): Promise<R>;
  /** Whether what has been sent so far can be sent again. */
  replayable(): boolean;
}

/** A failed attempt that is to be followed by another: what cockatiel's retry handles. */
class Retryable extends Error {
  readonly attempt: Attempt;
  readonly userError: ConnectError;

  constructor(attempt: Attempt, userError: ConnectError) {
    super("the attempt may be repeated");
    this.attempt = attempt;
    this.userError = userError;
  }
}

export interface AttemptLoopOptions extends ConnectorOptions {
  /** Told when a further attempt is about to be sent. */
  readonly onRetry: (failed: Attempt, delayMs: number) => void;
  /** Attaches the call's report to the error that its user sees. */
  readonly report: (error: ConnectError, call: Call) => void;
}

/** The attempts of a call: the first runs plainly, and only after it failed is cockatiel's retry entered. */
export class AttemptLoop {
  readonly #options: AttemptLoopOptions;
  readonly #connector: Connector;
  // One policy for all calls, because it keeps no state. Our decision bounds the attempts, and the wait before the
  // next one is ours, because cockatiel's can be aborted neither by a signal nor by a deadline.
  readonly #retry = retry(handleType(Retryable), {
    maxAttempts: Number.POSITIVE_INFINITY,
    backoff: new ConstantBackoff(0),
  });

  constructor(options: AttemptLoopOptions) {
    this.#options = options;
    this.#connector = new Connector(options);
  }

  /** Runs a call to its end, from its first attempt on. Rejects with a ConnectError. */
  async run<R>(first: Attempt | Promise<Attempt>, call: Call, send: Send<R>): Promise<R> {
    let attempt: Attempt;
    try {
      attempt = await first;
    } catch (error) {
      throw this.final(ConnectError.from(error), call);
    }
    try {
      return await this.#send(attempt, send);
    } catch (error) {
      return await this.recover(attempt, error, send);
    }
  }

  /** Goes on after a call's first attempt failed. */
  async recover<R>(attempt: Attempt, error: unknown, send: Send<R>): Promise<R> {
    const { call } = attempt;
    try {
      return await this.#over(attempt, error, send).catch((failed) => {
        if (!(failed instanceof Retryable)) throw failed;
        return this.#goOn(failed, send);
      });
    } catch (reason) {
      throw this.final(ConnectError.from(reason), call);
    } finally {
      call.lateDials?.end();
    }
  }

  #goOn<R>(failed: Retryable, send: Send<R>): Promise<R> {
    let last = failed;
    return this.#retry.execute(async () => {
      const next = await this.#next(last.attempt, last.userError);
      try {
        return await this.attempt(next, send);
      } catch (again) {
        if (again instanceof Retryable) last = again;
        throw again;
      }
    });
  }

  /** Runs an attempt, and a copy of it that may be sent meanwhile, to its end. */
  async attempt<R>(attempt: Attempt, send: Send<R>): Promise<R> {
    try {
      return await this.#send(attempt, send);
    } catch (error) {
      return await this.#over(attempt, error, send);
    }
  }

  /** An attempt has failed. Its call may be answered through another copy, which is waited for. */
  async #over<R>(attempt: Attempt, error: unknown, send: Send<R>): Promise<R> {
    const { race, call } = attempt;
    const isFirst = race?.isFirst(attempt) === true;
    if (isFirst) call.unreported = 0;
    if (race?.isLost(attempt)) {
      this.#options.judge.cancelled(attempt);
      if (isFirst) return (await race.copy) as R;
      throw error;
    }
    const failed = await this.#failed(attempt, error, send);
    if (race === undefined || !isFirst || race.isWon(attempt) || race.isCopyOver) throw failed;
    return (await race.copy) as R;
  }

  /** Waits as decided and makes the next attempt. Where there is none to be made, the last failure stands. */
  async #next(failed: Attempt, userError: ConnectError): Promise<Attempt> {
    const { call } = failed;
    const { dispatcher, runtime, onRetry } = this.#options;
    const { delayMs, elsewhere } = call.next as RetryDecision & { retry: true };
    if (delayMs > 0) {
      await runtime.sleep(delayMs, call.signal).catch(() => {
        throw abortedBy(call.signal as AbortSignal);
      });
    }
    call.attempt++;
    const attempt = await dispatcher.further(call, elsewhere);
    if (attempt === undefined) {
      const now = runtime.clock.now();
      throw call.isOver(now) ? deadlineExceeded(userError) : userError;
    }
    onRetry(failed, delayMs);
    return attempt;
  }

  async #send<R>(attempt: Attempt, send: Send<R>): Promise<R> {
    if (attempt.connecting !== undefined) await this.#connector.connect(attempt, attempt.connecting);
    if (attempt.race?.isLost(attempt)) throw OUTRUN;
    attempt.resend = () => send;
    return await send.send(attempt);
  }

  async #failed<R>(attempt: Attempt, error: unknown, send: Send<R>): Promise<Retryable | ConnectError> {
    const seen = await this.#options.judge.failed(attempt, error, send.replayable());
    return attempt.call.next?.retry ? new Retryable(attempt, seen) : seen;
  }

  /** The error that the call's user sees, with its report. */
  final(error: ConnectError, call: Call): ConnectError {
    this.#options.report(error, call);
    return error;
  }
}
