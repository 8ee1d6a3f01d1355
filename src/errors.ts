import { Code, ConnectError } from "@connectrpc/connect";
import type { Outcome } from "./resilience/outcome.ts";

const BRAND = Symbol.for("connect-lb.ConfigurationError");

/** Bad options, a bad target: thrown where the transport is created, with all problems at once. */
export class ConfigurationError extends Error {
  /** One that another copy of this library made is one, too: an application may load the ESM and the CommonJS build. */
  static override [Symbol.hasInstance](value: unknown): value is ConfigurationError {
    const isOurs = typeof value === "object" && value !== null && BRAND in value;
    // biome-ignore lint/complexity/noThisInStatic: a subclass has only its own instances.
    return isOurs && (this === ConfigurationError || Function.prototype[Symbol.hasInstance].call(this, value));
  }

  static {
    Object.defineProperty(ConfigurationError.prototype, BRAND, { value: true });
  }

  /** For logs, and for code that cannot use `instanceof`. */
  override readonly name = "ConfigurationError";
  /** One sentence each. */
  readonly problems: readonly string[];

  /** @param problems one sentence each, at least one. */
  constructor(problems: readonly string[]) {
    super(problems.length === 1 ? problems[0] : `${problems.length} problems:\n- ${problems.join("\n- ")}`);
    this.problems = problems;
  }
}

// Messages name no addresses and nothing of DNS: handlers forward them to clients of their own. `callReport()` has both.

/** The target has no servers; `reason` is what the look-up said. */
export function noServers(reason: string | undefined): ConnectError {
  const cause = reason === undefined ? undefined : new Error(reason);
  return new ConnectError("the service has no servers", Code.Unavailable, undefined, undefined, cause);
}

/** Nothing is known about the target. */
export function lookUpFailed(cause: unknown): ConnectError {
  return new ConnectError(
    "the service's servers could not be looked up",
    Code.Unavailable,
    undefined,
    undefined,
    cause,
  );
}

export function transportClosed(): ConnectError {
  return new ConnectError("the transport was closed", Code.Unavailable);
}

/** What the caller gave cannot be sent. */
export function invalidCall(problem: string): ConnectError {
  return new ConnectError(problem, Code.InvalidArgument);
}

/** The text is Connect's own. */
export function deadlineExceeded(cause?: unknown): ConnectError {
  return new ConnectError("the operation timed out", Code.DeadlineExceeded, undefined, undefined, cause);
}

/** What Connect makes of an aborted signal: its reason if that is a ConnectError, else Canceled. */
export function abortedBy(signal: AbortSignal): ConnectError {
  return ConnectError.from(signal.reason, Code.Canceled);
}

/**
 * The error that the user sees for a failed attempt: the server's own object wherever there is one. Only what failed
 * on our side gets another code, because the original one tells of a mechanism: a connection that breaks arrives as
 * Canceled, Aborted or Internal, and what refused a connection may be Internal or Unknown.
 *
 * @param timeIsUp the call's deadline has passed: that is why it ends, whatever broke last. A server that keeps the
 * deadline too closes the stream when it passes (grpc-go: RST_STREAM with CANCEL), and may be faster than our timer.
 * @param hint what to change: the message of the cause.
 */
export function userError(error: unknown, outcome: Outcome, timeIsUp: boolean, hint?: string): ConnectError {
  const cause = hint === undefined ? error : new Error(hint, { cause: error });
  const broken = (message: string) => (timeIsUp ? deadlineExceeded(cause) : unavailable(message, cause));
  switch (outcome.kind) {
    case "not-sent":
      return broken(`could not connect to a server: ${outcome.code}`);
    case "refused":
      return broken("the server refused the request");
    case "ambiguous":
      if (outcome.cause === "lost" || outcome.cause === "stale") return broken("the connection to the server was lost");
      return withHint(ConnectError.from(error), hint);
    case "answered":
      return withHint(ConnectError.from(error), hint);
    case "caller":
      return isHeadersTooLarge(error) ? namingHeaders(error) : withHint(ConnectError.from(error), hint);
  }
}

/** An error that no server's handler sent (connect-node makes it of an HTTP status), with a cause that says what to change. */
function withHint(error: ConnectError, hint: string | undefined): ConnectError {
  if (hint === undefined || error.cause !== undefined) return error;
  return new ConnectError(error.rawMessage, error.code, error.metadata, undefined, new Error(hint));
}

/** The request's headers fit no server, or not this one. */
export function headersTooLarge(why: string, cause?: unknown): ConnectError {
  return new ConnectError(
    `the request's headers are too large: ${why}`,
    Code.ResourceExhausted,
    undefined,
    undefined,
    cause,
  );
}

/** RFC 6585 section 5. */
function isHeadersTooLarge(error: unknown): error is ConnectError {
  return error instanceof ConnectError && !error.isWireError && error.rawMessage === "HTTP 431";
}

/** With the code that Connect and gRPC give the status. */
function namingHeaders(error: ConnectError): ConnectError {
  return new ConnectError(
    `the request's headers are too large: ${error.rawMessage}`,
    error.code,
    error.metadata,
    undefined,
    error,
  );
}

function unavailable(message: string, error: unknown): ConnectError {
  return new ConnectError(message, Code.Unavailable, undefined, undefined, error);
}
