/** What endpoint transports tell of errors, before these arrive as the outcome of an attempt. */
export class Marks {
  readonly #notSent = new WeakSet<object>();
  readonly #stale = new WeakSet<object>();

  /** The request never reached the network. */
  readonly markNotSent = (error: unknown): void => {
    if (typeof error === "object" && error !== null) this.#notSent.add(error);
  };

  /** The request was sent on a connection that had been idle, and that turned out to be dead. */
  readonly markStale = (error: unknown): void => {
    if (typeof error === "object" && error !== null) this.#stale.add(error);
  };

  isNotSent(error: object): boolean {
    return this.#notSent.has(error);
  }

  isStale(error: object): boolean {
    return this.#stale.has(error);
  }
}
