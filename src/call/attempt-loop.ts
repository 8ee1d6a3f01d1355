import { ConnectError } from "@connectrpc/connect";
import { ConstantBackoff, handleType, retry } from "cockatiel";
import { abortedBy, deadlineExceeded } from "../errors.ts";
import type { RetryDecision } from "../resilience/retry-decision.ts";
import type { Runtime } from "../runtime.ts";
import type { Attempt } from "./attempt.ts";
import type { Call } from "./call.ts";
import { connected } from "./connecting.ts";
import type { Dispatcher } from "./dispatcher.ts";
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
  readonly userError: ConnectError;

  constructor(userError: ConnectError) {
    super("the attempt may be repeated");
    this.userError = userError;
  }
}

export interface AttemptLoopOptions {
  readonly dispatcher: Dispatcher;
  readonly judge: Judge;
  readonly runtime: Runtime;
  readonly connectTimeoutMs: number;
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
    const failed = await this.#failed(attempt, error, send);
    if (!(failed instanceof Retryable)) throw this.final(failed, call);
    let last = { attempt, userError: failed.userError };
    try {
      return await this.#retry.execute(async () => {
        const next = await this.#next(last.attempt, last.userError);
        try {
          return await this.#send(next, send);
        } catch (reason) {
          const again = await this.#failed(next, reason, send);
          if (again instanceof Retryable) last = { attempt: next, userError: again.userError };
          throw again;
        }
      });
    } catch (reason) {
      throw this.final(ConnectError.from(reason), call);
    }
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
    const { connecting } = attempt;
    if (connecting !== undefined) {
      const { connectTimeoutMs, dispatcher, runtime } = this.#options;
      const { call, startedAt } = attempt;
      await connected(connecting, {
        signal: call.signal,
        leftMs: call.deadline(startedAt) - startedAt,
        connectTimeoutMs,
        clock: runtime.clock,
        stopWaiting: () => attempt.stopWaiting(),
      }).catch((error) => {
        attempt.code?.link?.failed(error);
        throw error;
      });
      dispatcher.limit(attempt, runtime.clock.now());
    }
    return await send.send(attempt);
  }

  async #failed<R>(attempt: Attempt, error: unknown, send: Send<R>): Promise<Retryable | ConnectError> {
    const seen = await this.#options.judge.failed(attempt, error, send.replayable());
    return attempt.call.next?.retry ? new Retryable(seen) : seen;
  }

  /** The error that the call's user sees, with its report. */
  final(error: ConnectError, call: Call): ConnectError {
    this.#options.report(error, call);
    return error;
  }
}
