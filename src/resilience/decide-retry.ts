import type { DescMethod } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { type Code, ConnectError } from "@connectrpc/connect";
import { backOffMs } from "./back-off.ts";
import { isTransparent, type Outcome } from "./outcome.ts";
import { type Pushback, pushbackOf } from "./pushback.ts";
import type { StopReason } from "./stop-reason.ts";

export interface RetryLimits {
  readonly maxAttempts: number;
  readonly baseDelayMs: number;
  readonly maxDelayMs: number;
  readonly codes: ReadonlySet<Code>;
  /** "package.Service/Method" or "package.Service/*". */
  readonly idempotentMethods: ReadonlySet<string>;
}

/** What a call has behind it. */
export interface CallHistory {
  readonly method: DescMethod;
  /** Attempts that may have been processed by a server; one that was transparent is not counted. */
  readonly sent: number;
  /** Attempts whose failure lay in their connection (`isTransparent`), this one included. */
  readonly transparent: number;
  /** Attempts that never left. */
  readonly notSent: number;
  /** When the call must be over. */
  readonly deadline: number;
  /** What was sent can be sent again. */
  readonly canResend: boolean;
}

/** A retry that never left is bounded by this and by the endpoints: each is dialled once per call. */
const MAX_NOT_SENT = 10;

/** How far beyond our own back-off a `retry-after` is followed (as the AWS SDKs do); longer waits would eat the caller's time. */
const RETRY_AFTER_EXCESS_MS = 5_000;

/** `retry-after` counts in seconds: clients that were turned away together would all come back at the turn of one. */
const RETRY_AFTER_SPREAD_MS = 1_000;

/** The longest pushback that a call without a deadline waits for; a longer one would hold it for minutes. */
const LONGEST_PUSHBACK_MS = 20_000;

export type RetryDecision =
  | NoRetry
  | {
      readonly retry: true;
      readonly delayMs: number;
      /** It costs no token of the budget. */
      readonly free: boolean;
      /** It goes only to an untried endpoint: to dial the same one again would be in vain. */
      readonly elsewhere: boolean;
    };

export interface NoRetry {
  readonly retry: false;
  readonly because: StopReason;
}

export function noRetry(because: StopReason): NoRetry {
  return { retry: false, because };
}

/**
 * Whether a failed attempt is repeated, and after what wait. Never what may have happened, unless the method or the
 * user says that it may be repeated; never what cannot finish before the deadline. The budget is asked by the caller.
 */
export function decideRetry(
  error: unknown,
  outcome: Outcome,
  call: CallHistory,
  limits: RetryLimits | false,
  now: number,
  random: () => number,
): RetryDecision {
  if (outcome.kind === "caller") return noRetry(outcome.cause === "abort" ? "aborted" : outcome.cause);
  if (limits === false) return noRetry("off");
  if (outcome.kind === "not-sent") {
    if (call.notSent >= MAX_NOT_SENT) return noRetry("attempts");
    return within({ retry: true, delayMs: 0, free: true, elsewhere: true }, call, now);
  }
  const forbidden = whyNotAgain(outcome, call.method, limits);
  if (forbidden !== undefined) return noRetry(forbidden);
  const pushback = error instanceof ConnectError ? pushbackOf(error, now) : undefined;
  // A server's word on when to retry delays a retry or forbids it (gRFC A6). It never makes one: a handler may send it
  // after it has done its work.
  if (pushback === "stop") return noRetry("pushback");
  if (call.sent >= limits.maxAttempts) return noRetry("attempts");
  if (isTransparent(outcome) && call.transparent === 1) {
    return within({ retry: true, delayMs: 0, free: true, elsewhere: false }, call, now);
  }
  // Servers of a tier that shut down together may refuse a call one after the other, until a standby takes it.
  if (outcome.kind === "refused" && outcome.leaving) {
    if (call.transparent > MAX_NOT_SENT) return noRetry("attempts");
    return within({ retry: true, delayMs: 0, free: true, elsewhere: true }, call, now);
  }
  const { baseDelayMs: firstMs, maxDelayMs: longestMs } = limits;
  const ceiling = backOffMs({ firstMs, factor: 2, longestMs }, call.sent - 1);
  const delayMs = delayedBy(pushback, random() * ceiling, random);
  const isOrdered = pushback !== undefined && "exactlyMs" in pushback;
  if (isOrdered && delayMs > LONGEST_PUSHBACK_MS && call.deadline === Number.POSITIVE_INFINITY) {
    return noRetry("pushback");
  }
  return within({ retry: true, delayMs, free: false, elsewhere: false }, call, now);
}

/** The wait before the next attempt, from what the server asked for and our own back-off. */
function delayedBy(pushback: Exclude<Pushback, "stop">, backOffMs: number, random: () => number): number {
  if (pushback === undefined) return backOffMs;
  if ("exactlyMs" in pushback) return pushback.exactlyMs;
  const leastMs = Math.min(pushback.atLeastMs, backOffMs + RETRY_AFTER_EXCESS_MS);
  return leastMs <= backOffMs ? backOffMs : leastMs + random() * RETRY_AFTER_SPREAD_MS;
}

/** Whether the method may be processed twice: by its proto's `idempotency_level`, or by the user's list. */
export function isIdempotent(method: DescMethod, idempotentMethods: ReadonlySet<string>): boolean {
  if (method.idempotency !== MethodOptions_IdempotencyLevel.IDEMPOTENCY_UNKNOWN) return true;
  if (idempotentMethods.size === 0) return false;
  const service = method.parent.typeName;
  return idempotentMethods.has(`${service}/${method.name}`) || idempotentMethods.has(`${service}/*`);
}

/** Why a request that may have reached a server is not sent again; undefined if it may be. */
function whyNotAgain(outcome: Outcome, method: DescMethod, limits: RetryLimits): StopReason | undefined {
  switch (outcome.kind) {
    case "ambiguous":
      if (!isIdempotent(method, limits.idempotentMethods)) return "method";
      // A transparent one is not counted, and yet it may have been the one attempt that the user wants.
      return limits.maxAttempts > 1 ? undefined : "attempts";
    case "answered":
      if (!limits.codes.has(outcome.code)) return "code";
      return isIdempotent(method, limits.idempotentMethods) ? undefined : "method";
    default:
      return undefined;
  }
}

function within(decision: RetryDecision & { retry: true }, call: CallHistory, now: number): RetryDecision {
  if (!call.canResend) return noRetry("stream");
  return now + decision.delayMs < call.deadline ? decision : noRetry("deadline");
}
