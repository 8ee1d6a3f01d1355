import { processWide } from "../common/process-wide.ts";

/**
 * What is known of a request that failed, from the connection that carried it. An error's code, shape or text would be
 * a guess: `read ECONNRESET` comes before a request has left and after it was processed.
 */
export type FailureFact =
  /** Nothing of the request left: no server can have processed it. */
  | "not-sent"
  /** The server did not process it, and said so before any response (RFC 9113 sections 6.8 and 8.7). */
  | "refused"
  /** The same, by a server that is going away: its connection has had a GOAWAY. */
  | "left-out"
  /** It was sent on a connection that had been idle and turned out to be dead. */
  | "stale"
  /** It was sent, and its connection or stream broke before the response was complete. */
  | "lost"
  /** It was answered, but not by a Connect or gRPC handler, on a connection that never had an answer of one. */
  | "foreign"
  /** The server ended it with an error code, and the connection goes on. */
  | "reset"
  /** It cannot be sent to any server: a header that HTTP does not allow, for instance. */
  | "unsendable";

const facts = processWide("failure-facts", () => new WeakMap<object, FailureFact>());

/** Remembers a fact of an error; the first one stands, because it comes from closest to the wire. */
export function recordFact(error: unknown, fact: FailureFact): void {
  if (typeof error === "object" && error !== null && !facts().has(error)) facts().set(error, fact);
}

/** The first fact among an error and its causes (`causesOf`). */
export function factAmong(errors: readonly object[]): FailureFact | undefined {
  for (const error of errors) {
    const fact = facts().get(error);
    if (fact !== undefined) return fact;
  }
  return undefined;
}

/** The error, its causes, and the errors that an AggregateError (several addresses) holds. */
export function causesOf(error: unknown): object[] {
  const chain: object[] = [];
  const pending = [error];
  // Bounded: a cause may point back at its error.
  while (pending.length > 0 && chain.length < 16) {
    const next = pending.shift();
    if (typeof next !== "object" || next === null || chain.includes(next)) continue;
    chain.push(next);
    pending.push(...membersOf(next));
  }
  return chain;
}

/** Getters of a user's error may throw. */
function membersOf(error: { readonly cause?: unknown; readonly errors?: unknown }): unknown[] {
  try {
    const { cause, errors } = error;
    return [...(cause === undefined ? [] : [cause]), ...(Array.isArray(errors) ? errors.slice(0, 16) : [])];
  } catch {
    return [];
  }
}
