import type { ConnectError } from "@connectrpc/connect";

/** What a server says about repeating a call. `atLeastMs` is a wish, to be kept within reason; `exactlyMs` an order. */
export type Pushback = { readonly exactlyMs: number } | { readonly atLeastMs: number } | "stop" | undefined;

/** Longer waits than this are treated as "do not retry". */
const LONGEST_MS = 300_000;

/**
 * Reads `grpc-retry-pushback-ms` (gRFC A6: a negative or unreadable value forbids the retry) and `retry-after`
 * (RFC 9110 section 10.2.3: seconds or a date; an unreadable one is ignored).
 */
export function pushbackOf(error: ConnectError, now: number): Pushback {
  const pushback = error.metadata.get("grpc-retry-pushback-ms");
  if (pushback !== null) {
    const ms = /^\d{1,10}$/.test(pushback.trim()) ? Number(pushback) : Number.NaN;
    return ms <= LONGEST_MS ? { exactlyMs: ms } : "stop";
  }
  const after = error.metadata.get("retry-after")?.trim();
  if (after === undefined || after === "") return undefined;
  const ms = /^\d{1,10}$/.test(after) ? Number(after) * 1000 : httpDate(after) - now;
  if (Number.isNaN(ms)) return undefined;
  return ms > LONGEST_MS ? "stop" : { atLeastMs: Math.max(0, ms) };
}

/** RFC 9110 section 5.6.7. `Date.parse` alone reads a date out of "-5" and "1.5", and its oldest form as local time. */
function httpDate(text: string): number {
  if (!/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(text)) return Number.NaN;
  return Date.parse(text.endsWith("GMT") ? text : `${text} GMT`);
}
