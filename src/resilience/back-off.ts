/** Waits that grow with each failure in a row. */
export interface BackOff {
  readonly firstMs: number;
  readonly factor: number;
  readonly longestMs: number;
}

/** The wait after so many failures in a row, without jitter. */
export function backOffMs({ firstMs, factor, longestMs }: BackOff, failuresBefore: number): number {
  return Math.min(longestMs, firstMs * factor ** failuresBefore);
}
