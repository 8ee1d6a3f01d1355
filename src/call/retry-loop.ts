import { ConnectError } from "@connectrpc/connect";
import { NoAnswerError } from "../discovery/cached-resolver.ts";
import { abortedBy, deadlineExceeded } from "../errors.ts";
import { type NoRetry, noRetry } from "../resilience/decide-retry.ts";
import { createRetry } from "../resilience/policies.ts";
import type { StopReason } from "../resilience/stop-reason.ts";
import type { Attempt, Send } from "./attempt.ts";
import type { Call } from "./call.ts";
import { Connector, type ConnectorOptions } from "./connector.ts";
import { FailedAttempt } from "./failed-attempt.ts";
import { OUTRUN } from "./race.ts";
import type { Reporter } from "./reporter.ts";
import { whyEnded } from "./why-ended.ts";

export interface RetryLoopOptions extends ConnectorOptions {
  readonly reporter: Reporter;
}

/** The attempts of a call: the first runs plainly, and only after it failed is cockatiel's retry entered. */
export class RetryLoop {
  readonly #options: RetryLoopOptions;
  readonly #connector: Connector;
  /** Made with the first failure. */
  #retry: ReturnType<typeof createRetry> | undefined;

  constructor(options: RetryLoopOptions) {
    this.#options = options;
    this.#connector = new Connector(options);
  }

  /** Runs a call to its end, from its first attempt on. Rejects with a ConnectError. */
  async run<R>(first: Attempt | Promise<Attempt>, call: Call, send: Send<R>): Promise<R> {
    let attempt: Attempt;
    try {
      attempt = await first;
    } catch (error) {
      throw this.unstarted(error, call);
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
        if (!(failed instanceof FailedAttempt && failed.decision.retry)) throw failed;
        return this.#goOn(failed, send);
      });
    } catch (reason) {
      if (!(reason instanceof FailedAttempt)) throw this.unstarted(reason, call);
      throw this.final(reason.userError, call, (reason.decision as NoRetry).because);
    } finally {
      call.lateDials?.end();
    }
  }

  #goOn<R>(failed: FailedAttempt, send: Send<R>): Promise<R> {
    let last = failed;
    this.#retry ??= createRetry((error) => error instanceof FailedAttempt && error.decision.retry);
    return this.#retry.execute(async () => {
      const next = await this.#next(last);
      try {
        return await this.attempt(next, send);
      } catch (again) {
        if (again instanceof FailedAttempt) last = again;
        throw again;
      }
    });
  }

  /** Runs an attempt, and a copy of it that may be sent meanwhile, to its end. Rejects with a FailedAttempt, or OUTRUN. */
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
      this.#options.settler.cancelled(attempt);
      if (isFirst) return (await race.copy) as R;
      throw error;
    }
    const { userError, decision } = await this.#options.settler.failed(attempt, error, send.canResend());
    const failed = new FailedAttempt(attempt, userError, decision);
    if (race === undefined || !isFirst || race.isWon(attempt) || race.isCopyOver) throw failed;
    return (await race.copy) as R;
  }

  /** Waits as decided and makes the next attempt. Where there is none to be made, the last failure stands. */
  async #next({ attempt: failed, userError, decision }: FailedAttempt): Promise<Attempt> {
    if (!decision.retry) throw new FailedAttempt(failed, userError, decision);
    const { call } = failed;
    const { chooser, runtime, reporter } = this.#options;
    const { delayMs, elsewhere } = decision;
    if (delayMs > 0) {
      await runtime.sleep(delayMs, call.signal).catch(() => {
        throw abortedBy(call.signal as AbortSignal);
      });
    }
    call.attempt++;
    const attempt = await chooser.further(call, elsewhere);
    if (attempt === undefined) {
      throw call.isOver(runtime.clock.now())
        ? new FailedAttempt(failed, deadlineExceeded(userError), noRetry("deadline"))
        : new FailedAttempt(failed, userError, noRetry("no-endpoint"));
    }
    reporter.retried(failed, delayMs);
    return attempt;
  }

  async #send<R>(attempt: Attempt, send: Send<R>): Promise<R> {
    if (attempt.connecting !== undefined) await this.#connector.connect(attempt, attempt.connecting);
    if (attempt.race?.isLost(attempt)) throw OUTRUN;
    attempt.resend = () => send;
    return await send.send(attempt);
  }

  /** The error that the user of a call sees that no attempt could be made for, with its report. */
  unstarted(reason: unknown, call: Call): ConnectError {
    const error = ConnectError.from(reason);
    const otherwise = error.cause instanceof NoAnswerError ? "look-up" : "no-endpoint";
    return this.final(error, call, whyEnded(error, call.signal, otherwise));
  }

  /** The error that the user of a failed call sees, with its report. */
  final(error: ConnectError, call: Call, stopped: StopReason): ConnectError {
    this.#options.reporter.failed(error, call, stopped);
    return error;
  }
}
