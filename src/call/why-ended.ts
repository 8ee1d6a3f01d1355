import { Code, type ConnectError } from "@connectrpc/connect";
import { isDeadline } from "../resilience/outcome.ts";
import type { StopReason } from "../resilience/stop-reason.ts";

/** Why a call ended whose error came from no attempt: its caller, its deadline, or else `otherwise`. */
export function whyEnded(error: ConnectError, signal: AbortSignal | undefined, otherwise: StopReason): StopReason {
  if (signal?.aborted) return isDeadline(signal.reason) ? "deadline" : "aborted";
  return error.code === Code.DeadlineExceeded ? "deadline" : otherwise;
}
