/** Why a call that failed was not tried again. */
export type StopReason =
  /** Its method may not be processed twice, and the request may have been: see `retry.idempotentMethods`. */
  | "method"
  /** The server's code is not one that is retried: see `retry.codes`. */
  | "code"
  /** Its deadline has passed, or would have passed before another attempt could begin. */
  | "deadline"
  /** The retry budget is spent: too many attempts of this process have failed lately. */
  | "budget"
  /** It had all of its attempts: see `retry.maxAttempts`. */
  | "attempts"
  /** There is no endpoint, or none is left that it could go to. */
  | "no-endpoint"
  /** Nothing is known of the target: `lookUpError` says why. */
  | "look-up"
  /** The server asked not to be asked again, or not for longer than a call waits. */
  | "pushback"
  /** A stream: its response had begun, or its request messages cannot be sent a second time. */
  | "stream"
  /** `retry` is `false`. */
  | "off"
  /** The caller aborted it. */
  | "aborted"
  /** It would fail at any server: its request cannot be sent, or its response is over the caller's own limits. */
  | "request"
  /** An interceptor failed, or the policy. */
  | "interceptor"
  /** The transport was closed. */
  | "closed";
