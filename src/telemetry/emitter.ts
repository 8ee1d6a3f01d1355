import type {
  BalancedTransportEvent,
  BalancedTransportEventListener,
  EventBody,
  EventOrigin,
  UserCallback,
} from "./events.ts";

/** Sends the events of one transport to its listeners, which cannot change the outcome of a call. */
export class Emitter {
  readonly #source: EventOrigin;
  readonly #log: BalancedTransportEventListener | undefined;
  readonly #onEvent: BalancedTransportEventListener | undefined;
  readonly #failed = new Set<UserCallback>();
  /** Nothing needs to be emitted without one. */
  readonly hasListener: boolean;

  /**
   * @param onEvent the user's.
   * @param log ours; must not throw.
   */
  constructor(
    source: EventOrigin,
    onEvent: BalancedTransportEventListener | undefined,
    log: BalancedTransportEventListener | undefined,
  ) {
    this.#source = source;
    this.#onEvent = onEvent;
    this.#log = log;
    this.hasListener = onEvent !== undefined || log !== undefined;
  }

  readonly emit = (body: EventBody): void => {
    if (!this.hasListener) return;
    const event: BalancedTransportEvent = { ...body, ...this.#source };
    this.#log?.(event);
    try {
      // An async listener's rejection must not become an unhandled one.
      const returned: unknown = this.#onEvent?.(event);
      if (returned instanceof Promise) returned.catch((error) => this.callbackFailed("onEvent", error));
    } catch (error) {
      this.callbackFailed("onEvent", error);
    }
  };

  /** A callback of the user's threw, or returned what cannot be used. Emitted once for each callback. */
  readonly callbackFailed = (callback: UserCallback, error: unknown): void => {
    if (this.#failed.has(callback)) return;
    this.#failed.add(callback);
    this.emit({ type: "callback-failed", callback, error });
  };
}
