/**
 * The request messages of a stream, so that a second attempt can send them: what no attempt has pulled is still there.
 * Only a server-streaming call's one message is kept after it was pulled; keeping more would undo back-pressure.
 */
export class BufferedInput<T> {
  readonly #source: AsyncIterable<T>;
  readonly #keeps: boolean;
  readonly #kept: Promise<IteratorResult<T>>[] = [];
  /** What the source failed with. */
  failure: unknown;
  #iterator: AsyncIterator<T> | undefined;

  /** @param keeps the call has one request message, which is kept. */
  constructor(source: AsyncIterable<T>, keeps: boolean) {
    this.#source = source;
    this.#keeps = keeps;
  }

  /** Whether another attempt would see every message. */
  get canResend(): boolean {
    return this.#keeps || this.#iterator === undefined;
  }

  /** The messages from the first one on, for one attempt. */
  forAttempt(): AsyncIterable<T> {
    let index = 0;
    const iterator: AsyncIterator<T> = {
      next: () => this.#pull(index++),
      // connect-es ends the input of a call that is over, and fails one whose input has no `throw`.
      return: (value) => this.#over("return", value),
      throw: (reason) => this.#over("throw", reason),
    };
    // The same iterator each time: connect-es asks for it again when a call is aborted, to end it.
    return { [Symbol.asyncIterator]: () => iterator };
  }

  /** The call failed for good: the source of a kept message may clean up. */
  end(): void {
    if (this.#keeps) this.#iterator?.return?.().catch(() => {});
  }

  #pull(index: number): Promise<IteratorResult<T>> {
    if (!this.#keeps) return this.#next();
    this.#kept[index] ??= this.#next();
    return this.#kept[index];
  }

  async #next(): Promise<IteratorResult<T>> {
    try {
      this.#iterator ??= this.#source[Symbol.asyncIterator]();
      return await this.#iterator.next();
    } catch (error) {
      this.failure = error;
      throw error;
    }
  }

  /** One attempt is over. The source is told only if no other attempt can follow. */
  async #over(how: "return" | "throw", value: unknown): Promise<IteratorResult<T>> {
    if (!this.canResend) await this.#iterator?.[how]?.(value);
    return { done: true, value: undefined };
  }
}
