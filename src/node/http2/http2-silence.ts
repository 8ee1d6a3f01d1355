import { recordFact } from "../../resilience/failure-facts.ts";
import type { Exchange } from "../exchange.ts";
import { lostConnection } from "./http2-failure.ts";

// What becomes of the calls on a connection whose server has left a PING unanswered, while nothing has come for them.

/** Their calls may ask another server as well. None of them is given up: what is on the connection may still be answered. */
export function notifyOfSilence(waiting: ReadonlySet<Exchange>): void {
  let isFirst = true;
  for (const { call } of [...waiting]) {
    if (call === undefined) continue;
    call.onSuspect(isFirst);
    isFirst = false;
  }
}

/**
 * Fails those that were sent along with that PING, which their calls have agreed to: they are sent again.
 *
 * @returns how many.
 */
export function takeBackDoubted(waiting: Set<Exchange>): number {
  const doubted = [...waiting].filter(({ isDoubted }) => isDoubted);
  for (const exchange of doubted) {
    waiting.delete(exchange);
    const error = lostConnection();
    recordFact(error, "stale");
    exchange.takeBack(error);
  }
  return doubted.length;
}
