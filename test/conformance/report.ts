/** What the suite's runner printed about one run. */
export interface Report {
  readonly cases: number;
  /** Cases that failed, with what the suite found wrong. */
  readonly failed: ReadonlyMap<string, string>;
  /** Those of them that were not expected to. */
  readonly unexpected: readonly string[];
  /** Cases that were expected to fail and did not. */
  readonly fixed: readonly string[];
  /** Every case was run. */
  readonly complete: boolean;
}

export function readReport(output: string): Report {
  const failed = new Map<string, string>();
  const unexpected: string[] = [];
  const fixed: string[] = [];
  let name: string | undefined;
  for (const line of output.split("\n")) {
    const [, unexpectedly, expectedly] = /^(?:FAILED: (.*)|INFO: (.*) failed \(as expected\)):$/.exec(line) ?? [];
    const [, passed] = /^FAILED: (.*) was expected to fail but did not$/.exec(line) ?? [];
    if (name !== undefined && line.startsWith("\t")) {
      failed.set(name, [failed.get(name), line.trim()].filter(Boolean).join("; "));
      continue;
    }
    name = unexpectedly ?? expectedly;
    if (name !== undefined) failed.set(name, "");
    if (unexpectedly !== undefined) unexpected.push(unexpectedly);
    if (passed !== undefined) fixed.push(passed);
  }
  const cases = Number(/^Total cases: (\d+)$/m.exec(output)?.[1] ?? 0);
  return { cases, failed, unexpected, fixed, complete: cases > 0 && !/^Another \d+ could not be run/m.test(output) };
}
