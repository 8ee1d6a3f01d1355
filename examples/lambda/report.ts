/** What a scenario did to a function, and how the function answered. */
export interface Report {
  readonly title: string;
  readonly invocations: number;
  /** Invocations that failed although their calls may be repeated. */
  readonly failed: number;
  readonly freezes: number;
  readonly frozenMs: number;
  /** Servers replaced meanwhile. */
  readonly replaced: number;
  /** Attempts of calls after a first one. */
  readonly retries: number;
  /** Milliseconds from each event to its whole answer. */
  readonly latenciesMs: readonly number[];
  readonly remark: string;
  /** Promises that were broken. */
  readonly problems: readonly string[];
}

const columns = ["function", "invoked", "failed", "frozen", "replaced", "retries", "p50 ms", "max ms", ""];

export function reportTable(reports: readonly Report[]): string[] {
  const rows = [columns, ...reports.map(cells)];
  const widths = columns.map((_, column) => Math.max(...rows.map((row) => (row[column] as string).length)));
  return rows.map((row) =>
    row
      .map((cell, i) => {
        const width = widths[i] as number;
        return i === 0 || i === columns.length - 1 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join("  ")
      .trimEnd(),
  );
}

function cells(report: Report): string[] {
  const sorted = [...report.latenciesMs].sort((a, b) => a - b);
  const { freezes, frozenMs } = report;
  return [
    report.title,
    `${report.invocations}`,
    `${report.failed}`,
    freezes === 0 ? "-" : `${freezes} × (${(frozenMs / 1_000).toFixed(0)} s)`,
    `${report.replaced}`,
    `${report.retries}`,
    (sorted[Math.floor(sorted.length / 2)] ?? 0).toFixed(0),
    (sorted.at(-1) ?? 0).toFixed(0),
    report.remark,
  ];
}
