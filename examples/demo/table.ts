import type { PhaseReport, Totals } from "./report.ts";

const columns = ["client", "calls", "failed", "p50 ms", "p99 ms", "share of each server"];
const widths = [18, 7, 7, 8, 8, 0];

/** One phase as a small table: a line for each client. A client that died has no report. */
export function phaseTable(reports: ReadonlyMap<string, PhaseReport | undefined>): string[] {
  return [line(columns), ...[...reports].map(([client, report]) => line(cells(client, report)))];
}

/** What failed: a line for each kind of error of each client. */
export function errorLines(totals: ReadonlyMap<string, Totals>): string[] {
  return [...totals].flatMap(([client, { errors }]) =>
    Object.entries(errors).map(([message, count]) => `${client}: ${count} × ${message}`),
  );
}

function cells(client: string, report: PhaseReport | undefined): string[] {
  if (report === undefined) return [client, "", "", "", "", "its process has crashed"];
  const { calls, failures, p50, p99, served } = report;
  const total = Object.values(served).reduce((sum, count) => sum + count, 0);
  const shares = Object.entries(served).map(([server, count]) => `${server} ${Math.round((100 * count) / total)}%`);
  return [client, `${calls}`, `${failures}`, ms(p50), ms(p99), shares.join("  ") || "none"];
}

function ms(value: number | undefined): string {
  return value === undefined ? "-" : value.toFixed(1);
}

function line(cells: readonly string[]): string {
  return `  ${cells.map((cell, i) => (i === 0 || i === 5 ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number))).join("  ")}`;
}

/** Prints lines; on a terminal, over the ones that it printed before. */
export function livePrinter(): { print(lines: readonly string[]): void; done(): void } {
  const inPlace = process.stdout.isTTY;
  let printed = 0;
  let last: readonly string[] = [];
  return {
    print(lines) {
      last = lines;
      if (!inPlace) return;
      if (printed > 0) process.stdout.write(`\u001b[${printed}A\u001b[J`);
      process.stdout.write(`${lines.join("\n")}\n`);
      printed = lines.length;
    },
    done() {
      if (!inPlace) process.stdout.write(`${last.join("\n")}\n`);
      process.stdout.write("\n");
    },
  };
}
