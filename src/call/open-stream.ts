import { Code, ConnectError } from "@connectrpc/connect";
import { abortedBy, deadlineExceeded } from "../errors.ts";
import type { StopReason } from "../resilience/stop-reason.ts";
import type { Runtime } from "../runtime.ts";
import type { Attempt } from "./attempt.ts";
import type { Settler } from "./settle.ts";
import { whyEnded } from "./why-ended.ts";

/** What the reader of a stream that broke sees, and why it is not tried again. */
export interface StreamFailure {
  readonly userError: ConnectError;
  readonly because: StopReason;
}

/**
 * What an open stream holds: its endpoint's slot, a link to the caller's signal, a timer for its deadline. It is given
 * back once, by whichever comes first: the end, an error, the caller's abort, the deadline, a `return()`, or the
 * garbage collector, since a consumer that just stops reading tells nobody.
 */
export class OpenStream {
  /** Aborts the endpoint's stream. */
  readonly controller = new AbortController();
  readonly #attempt: Attempt;
  readonly #settler: Settler;
  readonly #timerDone = new AbortController();
  readonly #onAbort: () => void;
  #state: "opening" | "open" | "over" = "opening";
  /** Why it is over, if that came from our side: what its reader then sees, whatever the endpoint's stream makes of it. */
  #endedBy: ConnectError | undefined;

  constructor(attempt: Attempt, settler: Settler) {
    this.#attempt = attempt;
    this.#settler = settler;
    const { signal } = attempt.call;
    this.#onAbort = () => {
      this.cancel(abortedBy(signal as AbortSignal));
    };
    if (signal?.aborted) this.#onAbort();
    else signal?.addEventListener("abort", this.#onAbort);
  }

  /** The response headers are there. From now on the open stream reports how the attempt ended. */
  opened(runtime: Runtime): void {
    if (this.#state === "over") {
      // Aborted while it was opening, by a transport that paid no heed.
      this.#settler.cancelled(this.#attempt);
      return;
    }
    this.#state = "open";
    this.#settler.answered(this.#attempt);
    const leftMs = this.#attempt.call.remainingMs(runtime.clock.now());
    if (leftMs === undefined) return;
    // The endpoint's transport has a timer of its own, but its verdict reaches only a consumer that still reads.
    runtime.sleep(leftMs, this.#timerDone.signal, true).then(
      () => this.#expire(),
      () => {},
    );
  }

  /** It could not be opened, and the error tells the attempt's end. A transport that goes on all the same is ended. */
  abandon(error: unknown): void {
    this.#close();
    this.controller.abort(error);
  }

  /** The stream ended well. */
  succeed(now: number): void {
    if (this.#close()) this.#settler.succeeded(this.#attempt, now);
  }

  /** The stream broke after it was opened: it counts for its endpoint, and is not tried again. */
  async fail(error: unknown): Promise<StreamFailure> {
    if (!this.#close()) {
      const userError = this.#endedBy ?? ConnectError.from(error);
      return { userError, because: whyEnded(userError, this.#attempt.call.signal, "aborted") };
    }
    this.controller.abort(error);
    const { userError, decision } = await this.#settler.failed(this.#attempt, error, false);
    return { userError, because: decision.retry ? "stream" : decision.because };
  }

  /** Nobody wants the rest. Aborts with Canceled, or servers and proxies would count an internal error (RST_STREAM code). */
  cancel(reason: ConnectError = streamCancelled()): void {
    if (this.#close()) {
      this.#endedBy = reason;
      this.#settler.cancelled(this.#attempt);
    }
    this.controller.abort(reason);
  }

  #expire(): void {
    const reason = deadlineExceeded();
    void this.fail(reason);
    this.#endedBy = reason;
  }

  /** True if the stream was open. */
  #close(): boolean {
    const wasOpen = this.#state === "open";
    if (this.#state === "over") return false;
    this.#state = "over";
    this.#timerDone.abort(streamCancelled());
    this.#attempt.call.signal?.removeEventListener("abort", this.#onAbort);
    return wasOpen;
  }
}

let cancelledError: ConnectError | undefined;

/** Built once, because an error per stream would capture a stack; and by the first stream, because it has a `Headers`. */
function streamCancelled(): ConnectError {
  cancelledError ??= new ConnectError("the stream was cancelled", Code.Canceled);
  return cancelledError;
}
