import { abortedBy, deadlineExceeded } from "../errors.ts";
import { OVER, type Runtime } from "../runtime.ts";

/** How long code of the user's is waited for. */
export interface Limits {
  readonly signal: AbortSignal | undefined;
  /** Undefined for no limit. */
  readonly timeoutMs: number | undefined;
  /** What the code has beyond that to end by itself, with a better error. Default 0. */
  readonly graceMs?: number;
  /** Called if the time has passed. */
  onExpired?(): void;
}

/**
 * Waits for an interceptor, a policy or a transport of the user's, which may never settle, and may not listen to its
 * signal. Rejects when the time has passed or the signal aborts; what the code does after that changes nothing.
 */
export function withinLimits<T>(pending: Promise<T>, limits: Limits, runtime: Runtime): Promise<T> {
  const { signal, timeoutMs, graceMs = 0 } = limits;
  if (signal === undefined && timeoutMs === undefined) return pending;
  return new Promise((resolve, reject) => {
    const settled = new AbortController();
    const settle = (): void => {
      settled.abort(OVER);
      signal?.removeEventListener("abort", onAbort);
    };
    const rejectAfter = (ms: number, end: () => void): void => {
      runtime.sleep(ms, settled.signal).then(end, () => {});
    };
    const abort = (): void => {
      settle();
      reject(abortedBy(signal as AbortSignal));
    };
    const onAbort = (): void => {
      if (graceMs === 0) abort();
      else rejectAfter(graceMs, abort);
    };
    pending.then(resolve, reject).finally(settle);
    if (signal?.aborted) onAbort();
    else signal?.addEventListener("abort", onAbort);
    if (timeoutMs === undefined) return;
    rejectAfter(timeoutMs + graceMs, () => {
      settle();
      limits.onExpired?.();
      reject(deadlineExceeded());
    });
  });
}
