import { defaults } from "./defaults.ts";
import type { OptionDefinition } from "./option-definition.ts";
import * as types from "./value-types.ts";

/** How calls are made: what runs round them, how long they may take, and when they are retried. A group stands before its members. */
export const callOptions = (): readonly OptionDefinition[] => [
  {
    path: "interceptors",
    type: types.listOf(types.callback),
    default: undefined,
    doc: "Run once per call, outside the attempts; `req.url` has the name that TLS verifies, not an address.",
  },
  {
    path: "attemptInterceptors",
    type: types.listOf(types.callback),
    default: undefined,
    doc: "Run once per attempt, inside the retries: for tokens that must be fresh, or spans per attempt.",
  },
  {
    path: "picker",
    name: "picker",
    type: types.orCallback(types.choice("p2c", "round-robin")),
    default: defaults.picker,
    doc: 'How an endpoint is chosen for a call: "p2c" (power of two choices), "round-robin", or in code a factory of your own.',
  },
  {
    path: "defaultTimeoutMs",
    name: "timeout",
    type: types.durationMs(1),
    // As in Connect.
    default: undefined,
    doc: "Time limit of a whole call that sets no `timeoutMs` of its own.",
  },
  {
    path: "attemptTimeoutMs",
    name: "attempt-timeout",
    type: types.durationMs(1),
    default: defaults.attemptTimeoutMs,
    doc: "Time limit of one attempt of a unary call; after it, a call that is safe to retry tries another endpoint.",
  },
  {
    path: "connectTimeoutMs",
    name: "connect-timeout",
    type: types.durationMs(1),
    default: defaults.connectTimeoutMs,
    doc: "How long a call waits for a connection, TCP and TLS together, while there is another endpoint to try. With no other, it waits until its deadline, or 20 s if it has none.",
  },
  {
    path: "retry",
    name: "retry",
    type: types.group,
    doc: "Retries of failed attempts, on by default; `false`: every call is sent once.",
  },
  {
    path: "retry.maxAttempts",
    name: "max-attempts",
    type: types.wholeNumber(1, 10),
    default: defaults.retry.maxAttempts,
    doc: "Attempts of one call that may reach a server, the first included.",
  },
  {
    path: "retry.baseDelayMs",
    name: "retry-base-delay",
    type: types.durationMs(0),
    default: defaults.retry.baseDelayMs,
    doc: "Limit of the wait before the first retry, doubled for each further one. The wait is a random part of it (full jitter).",
  },
  {
    path: "retry.maxDelayMs",
    name: "retry-max-delay",
    type: types.durationMs(0),
    default: defaults.retry.maxDelayMs,
    doc: "Upper bound of that limit.",
  },
  {
    path: "retry.codes",
    name: "retry-codes",
    type: types.codes,
    default: defaults.retry.codes,
    doc: "A server's error codes that are retried, for methods that are safe to retry.",
  },
  {
    path: "retry.idempotentMethods",
    name: "idempotent-methods",
    type: types.methodNames,
    default: undefined,
    doc: 'Methods that are safe to retry, besides those whose proto sets `idempotency_level`: "package.Service/Method" or "package.Service/*".',
  },
  {
    path: "retry.peekStreams",
    name: "peek-streams",
    type: types.trueOrFalse,
    default: defaults.retry.peekStreams,
    doc: "A server-streaming call is retried until its first message arrives, not only until its response headers do; `stream()` then waits for that message.",
  },
  {
    path: "breaker",
    name: "breaker",
    type: types.group,
    doc: "Circuit breakers, one per endpoint, on by default: an endpoint that fails is ejected, so that it gets no calls for a while. `false`: none is ever ejected.",
  },
  {
    path: "breaker.consecutiveFailures",
    name: "breaker-consecutive-failures",
    type: types.wholeNumber(1, 1_000),
    default: defaults.breaker.consecutiveFailures,
    doc: "Failed calls in a row that eject an endpoint; a connection that cannot be made ejects it at once.",
  },
  {
    path: "breaker.failureRatio",
    name: "breaker-failure-ratio",
    type: types.ratio,
    default: defaults.breaker.failureRatio,
    doc: "Share of failures within 30 s that ejects an endpoint, above 0 and up to 1.",
  },
  {
    path: "breaker.minCalls",
    name: "breaker-min-calls",
    type: types.wholeNumber(1, 1_000_000),
    default: defaults.breaker.minCalls,
    doc: "With fewer calls than this within 30 s, `failureRatio` has no effect.",
  },
  {
    path: "policy",
    type: types.object,
    default: undefined,
    doc: "A policy that runs each unary call as a whole, for instance one of cockatiel's. Its retries do not count against the retry budget.",
  },
];
