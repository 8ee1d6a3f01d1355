import { ConnectError } from "@connectrpc/connect";
import { ConstantBackoff, handleType, retry } from "cockatiel";
import { abortedBy, deadlineExceeded } from "../errors.ts";
import type { RetryDecision } from "../resilience/retry-decision.ts";
import type { Runtime } from "../runtime.ts";
import type { Attempt } from "./attempt.ts";
import type { Call } from "./call.ts";
import { ConnectTimeoutError, connected, LONGEST_CONNECT_MS } from "./connecting.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { LateDials } from "./late-dials.ts";
import { OUTRUN } from "./race.ts";
import type { Judge } from "./verdict.ts";

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

export interface AttemptLoopOptions {
  readonly dispatcher: Dispatcher;
  readonly judge: Judge;
  readonly runtime: Runtime;
  readonly connectTimeoutMs: number;
  /** Calls may go on with further attempts. */
  readonly retries: boolean;
  /** Told when a further attempt is about to be sent. */
  readonly onRetry: (failed: Attempt, delayMs: number) => void;
  /** Attaches the call's report to the error that its user sees. */
  readonly report: (error: ConnectError, call: Call) => void;
}

/** The attempts of a call: the first runs plainly, and only after it failed is cockatiel's retry entered. */
export class AttemptLoop {
  readonly #options: AttemptLoopOptions;
  // One policy for all calls, because it keeps no state. Our decision bounds the attempts, and the wait before the
  // next one is ours, because cockatiel's can be aborted neither by a signal nor by a deadline.
  readonly #retry = retry(handleType(Retryable), {
    maxAttempts: Number.POSITIVE_INFINITY,
    backoff: new ConstantBackoff(0),
  });

  constructor(options: AttemptLoopOptions) {
    this.#options = options;
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
      throw now >= call.deadline(now) ? deadlineExceeded(userError) : userError;
    }
    onRetry(failed, delayMs);
    return attempt;
  }

  async #send<R>(attempt: Attempt, send: Send<R>): Promise<R> {
    if (attempt.connecting !== undefined) await this.#connected(attempt, attempt.connecting);
    if (attempt.race?.isLost(attempt)) throw OUTRUN;
    attempt.resend = () => send;
    return await send.send(attempt);
  }

  /** Waits for the connection of an attempt: not for long where there is another endpoint to try. */
  async #connected(attempt: Attempt, connecting: Promise<void>): Promise<void> {
    const { connectTimeoutMs, dispatcher, judge, runtime, retries } = this.#options;
    const { call, startedAt, race, record } = attempt;
    const mayGoElsewhere = retries && dispatcher.hasUntried(call, record, startedAt);
    attempt.isPatient = !mayGoElsewhere;
    const { lateDials } = call;
    const isAlone = mayGoElsewhere || lateDials === undefined || lateDials.has(record);
    const waiting = isAlone ? connecting : orAnother(connecting, lateDials.first());
    try {
      await connected(waiting, {
        signal: race === undefined ? call.signal : eitherOf(call.signal, race.decided),
        leftMs: call.deadline(startedAt) - startedAt,
        connectTimeoutMs: mayGoElsewhere ? connectTimeoutMs : LONGEST_CONNECT_MS,
        clock: runtime.clock,
      });
    } catch (error) {
      attempt.code?.link?.failed(error);
      if (error instanceof ConnectTimeoutError && retries) {
        call.lateDials ??= new LateDials();
        call.lateDials.add(attempt);
        connecting.then(
          () => judge.reached(record),
          () => {},
        );
      } else attempt.stopWaiting();
      throw error;
    }
    dispatcher.limit(attempt, runtime.clock.now());
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

function eitherOf(signal: AbortSignal | undefined, other: AbortSignal): AbortSignal {
  return signal === undefined ? other : AbortSignal.any([signal, other]);
}

/** Rejects if another endpoint is reached first. */
function orAnother(own: Promise<void>, another: Promise<unknown>): Promise<void> {
  const reached = another.then(
    () => {
      throw new ConnectTimeoutError("another endpoint was reached first");
    },
    () => own,
  );
  return Promise.race([own, reached]);
}
