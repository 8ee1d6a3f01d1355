import { expect } from "vitest";

/** Shown of a long list. */
const SHOWN = Number(process.env.FAILURES_SHOWN ?? 60);

/** Fails with one message that lists the cases that failed, and what was seen of each. */
export function expectNone(failures: readonly string[]): void {
  const more = failures.length > SHOWN ? [`and ${failures.length - SHOWN} more`] : [];
  expect(failures.length, [`${failures.length} failed:`, ...failures.slice(0, SHOWN), ...more].join("\n")).toBe(0);
}
