import { type ContextValues, createContextKey, type Interceptor } from "@connectrpc/connect";
import type { Endpoint } from "../endpoint.ts";
import type { Clock } from "../runtime.ts";
import { endpointKey } from "./endpoint-key.ts";
import type { CallUnderWay } from "./endpoint-transport.ts";

/**
 * What an attempt and the transport of its endpoint know of each other, past the interceptors that stand between them.
 * An interceptor's own fetch fails with the same errors as the transport does, and only this tells them apart.
 */
export class AttemptLink {
  /** The attempt. */
  readonly call: CallUnderWay;
  readonly #clock: Clock;
  readonly #leftMs: (now: number) => number | undefined;
  /** Of the transport, by its last entry: an interceptor may call it again, or not at all. */
  state: "idle" | "running" | "succeeded" | "failed" = "idle";
  /** When it was last entered. */
  enteredAt = 0;
  /** What it failed with, or its connection before any interceptor ran. */
  failure: unknown;

  /** @param leftMs what the attempt has left, in whole milliseconds from 1; undefined without a limit. */
  constructor(call: CallUnderWay, clock: Clock, leftMs: (now: number) => number | undefined) {
    this.call = call;
    this.#clock = clock;
    this.#leftMs = leftMs;
  }

  /**
   * The request has passed the interceptors.
   *
   * @returns what is left of the attempt's time, in whole milliseconds from 1; undefined without a limit.
   */
  enter(): number | undefined {
    const now = this.#clock.now();
    this.enteredAt = now;
    this.state = "running";
    return this.#leftMs(now);
  }

  succeeded(): void {
    this.state = "succeeded";
  }

  failed(error: unknown): void {
    this.state = "failed";
    this.failure = error;
  }
}

const linkKey = createContextKey<AttemptLink | undefined>(undefined, { description: "connect-lb attempt" });

/** The context values of one attempt: those of its call, with the attempt's link and endpoint laid over them. */
export function attemptValues(values: ContextValues, link: AttemptLink | undefined, endpoint: Endpoint): ContextValues {
  return {
    get(key) {
      if (key.id === linkKey.id) return link as never;
      return key.id === endpointKey.id ? (endpoint as never) : values.get(key);
    },
    set(key, value) {
      values.set(key, value);
      return this;
    },
    delete(key) {
      values.delete(key);
      return this;
    },
  };
}

/** The link of the attempt that a request belongs to. */
export function linkOf(values: ContextValues): AttemptLink | undefined {
  return values.get(linkKey);
}

/** Where interceptors have left the server a deadline, it becomes what they have left of the time. */
export function tellTimeLeft(header: Headers, leftMs: number | undefined): void {
  if (leftMs === undefined) return;
  if (header.has("connect-timeout-ms")) header.set("connect-timeout-ms", `${leftMs}`);
  if (header.has("grpc-timeout")) header.set("grpc-timeout", `${leftMs}m`);
}

/** The innermost interceptor of an endpoint's transport: what comes from below it is the transport's own. */
export const transportBorder: Interceptor = (next) => async (request) => {
  const link = linkOf(request.contextValues);
  if (link === undefined) return next(request);
  // An interceptor took the call's last time: nothing is sent any more.
  if (request.signal.aborted) throw request.signal.reason;
  tellTimeLeft(request.header, link.enter());
  try {
    const response = await next(request);
    if (!response.stream) {
      link.succeeded();
      return response;
    }
    return { ...response, message: observed(response.message, link) };
  } catch (error) {
    link.failed(error);
    throw error;
  }
};

function observed<T>(messages: AsyncIterable<T>, link: AttemptLink): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = messages[Symbol.asyncIterator]();
      return {
        next: () =>
          iterator.next().then(
            (result) => {
              if (result.done === true) link.succeeded();
              return result;
            },
            (error) => {
              link.failed(error);
              throw error;
            },
          ),
      };
    },
  };
}
