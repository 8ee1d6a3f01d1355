import * as kinds from "./kinds.ts";
import type { OptionRow } from "./option-row.ts";

/** How calls are made: what runs round them, how long they may take, and when they are repeated. A group stands before its members. */
export const callRows: readonly OptionRow[] = [
  {
    path: "interceptors",
    kind: kinds.listOf(kinds.callback),
    doc: "Run once per call, outside the attempts; `req.url` shows the verified name.",
  },
  {
    path: "attemptInterceptors",
    kind: kinds.listOf(kinds.callback),
    doc: "Run once per attempt, inside the retries: for tokens that must be fresh, or spans per attempt.",
  },
  {
    path: "picker",
    name: "picker",
    kind: kinds.orCallback(kinds.choice("p2c", "round-robin")),
    doc: 'How an endpoint is chosen: "p2c" (power of two choices, the default), "round-robin", or in code a factory of your own.',
  },
  {
    path: "defaultTimeoutMs",
    name: "timeout",
    kind: kinds.durationMs(1),
    doc: "Deadline of a whole call that sets no `timeoutMs` of its own. Default none (as in Connect).",
  },
  {
    path: "attemptTimeoutMs",
    name: "attempt-timeout",
    kind: kinds.durationMs(1),
    doc: "Limit of one attempt of a unary call; another endpoint is tried after it if the method may be repeated. Default none.",
  },
  {
    path: "connectTimeoutMs",
    name: "connect-timeout",
    kind: kinds.durationMs(1),
    doc: "How long a call waits for a connection, TCP and TLS together, while there is another endpoint to try; with none, it waits to its deadline, or 20 s. Default 1 s.",
  },
  {
    path: "retry",
    name: "retry",
    kind: kinds.group,
    doc: "Repeating of failed attempts; `false`: every call is sent once.",
  },
  {
    path: "retry.maxAttempts",
    name: "max-attempts",
    kind: kinds.wholeNumber(1, 10),
    doc: "Attempts of one call that may reach a server, the first included. Default 3.",
  },
  {
    path: "retry.baseDelayMs",
    name: "retry-base-delay",
    kind: kinds.durationMs(0),
    doc: "First back-off; doubles with each retry, and a random part of it is waited (full jitter). Default 100 ms.",
  },
  {
    path: "retry.maxDelayMs",
    name: "retry-max-delay",
    kind: kinds.durationMs(0),
    doc: "Longest back-off. Default 2 s.",
  },
  {
    path: "retry.codes",
    name: "retry-codes",
    kind: kinds.codes,
    doc: "Codes that a server answers and that are retried for methods that may be repeated. Default unavailable.",
  },
  {
    path: "retry.idempotentMethods",
    name: "idempotent-methods",
    kind: kinds.methodNames,
    doc: 'Methods that may be repeated besides those whose proto sets `idempotency_level`: "package.Service/Method" or "package.Service/*".',
  },
  {
    path: "retry.peekStreams",
    name: "peek-streams",
    kind: kinds.trueOrFalse,
    doc: "A server-streaming call is repeated until its first message, not only until its response headers; `stream()` then waits for that message. Default false.",
  },
  {
    path: "breaker",
    name: "breaker",
    kind: kinds.group,
    doc: "Circuit breakers, one per endpoint; `false`: no endpoint is ever ejected.",
  },
  {
    path: "breaker.consecutiveFailures",
    name: "breaker-consecutive-failures",
    kind: kinds.wholeNumber(1, 1_000),
    doc: "Answered failures in a row that eject an endpoint. Default 3.",
  },
  {
    path: "breaker.failureRatio",
    name: "breaker-failure-ratio",
    kind: kinds.ratio,
    doc: "Share of failures within 30 s that ejects an endpoint, above 0 and up to 1. Default 0.5.",
  },
  {
    path: "breaker.minCalls",
    name: "breaker-min-calls",
    kind: kinds.wholeNumber(1, 1_000_000),
    doc: "Calls within 30 s below which `failureRatio` is not looked at. Default 10.",
  },
  {
    path: "policy",
    kind: kinds.object,
    doc: "A policy round each unary call as a whole, for instance one of cockatiel's. Its retries are outside the retry budget.",
  },
];
