import { medianIn, sum, type Table } from "./results.ts";

/** A passage of a page that quotes a benchmark's figures. */
export interface Quote {
  readonly page: string;
  readonly bench: string;
  /** The passage; its groups are the figures. */
  readonly passage: RegExp;
  /** The figures by the benchmark's tables. */
  figures(tables: readonly Table[]): readonly string[];
}

const rowsOf = (tables: readonly Table[], heading: RegExp) =>
  tables.filter((table) => heading.test(table.heading)).flatMap(({ rows }) => rows);

const noneIf = (isNone: boolean) => (isNone ? "no" : "some");
const percent = (part: number, whole: number) => `${Math.round((100 * part) / whole)}`;

/** First calls over HTTP/2 after a freeze, over all faults: all of them, and those of idempotent methods. */
function firstCalls(tables: readonly Table[], client: string) {
  const rows = rowsOf(tables, /^First calls that failed/).filter(
    (row) => row.client === client && row.protocol?.endsWith("h2"),
  );
  const counts = rows.flatMap((row) =>
    Object.values(row).flatMap((cell) => {
      const [, failed, all, idempotentFailed, idempotent] = /^(\d+) of (\d+) \((\d+) of (\d+)\)$/.exec(cell) ?? [];
      return failed === undefined ? [] : [[failed, all, idempotentFailed, idempotent].map(Number)];
    }),
  );
  const total = (i: number) => sum(counts.map((count) => count[i] as number));
  return {
    failed: total(0),
    crashes: sum(rows.map(({ crashes }) => Number(crashes))),
    idempotent: { failed: total(2), share: percent(total(2), total(3)) },
  };
}

/** The lowest and the highest ratio to connect-node of a target's bundles, over all runs. */
function ratios(tables: readonly Table[], target: string): string[] {
  const rows = rowsOf(tables, /^Bundled/).filter((row) => row[""]?.includes(target));
  const values = rows.flatMap((row) =>
    Object.keys(row)
      .filter((column) => column.startsWith("ratio, run"))
      .map((column) => Number(medianIn(row[column]))),
  );
  return [Math.min(...values), Math.max(...values)].map((value) => value.toFixed(2));
}

const discovery = (row: string, columns: readonly string[]): Quote => ({
  page: "README.md",
  bench: "discovery",
  passage: new RegExp(`^\\| ${row} \\| (.*) \\| (.*) \\| (.*) \\|$`, "m"),
  figures(tables) {
    const rows = columns.map((name) => tables[0]?.rows.find((candidate) => candidate[""]?.startsWith(name)));
    return ["DNS SRV (CoreDNS)", "Consul DNS", "Consul HTTP"].map((source) =>
      rows.map((candidate) => medianIn(candidate?.[source])).join(" / "),
    );
  },
});

export const quotes: readonly Quote[] = [
  discovery("one look-up of 3 / 20 / 100 instances, ms", [
    "a look-up of 3 instances",
    "a look-up of 20 instances",
    "a look-up of 100 instances",
  ]),
  discovery("an instance is taken out: its last call after, s", ["an instance is taken out"]),
  discovery("an instance crashes: the last attempt at it after, s", ["... the last one after"]),
  discovery("a new instance: its share after, s", ["a new instance"]),
  discovery("calls that failed meanwhile", ["calls that failed"]),
  discovery("questions per process and minute", ["questions per process"]),
  {
    page: "README.md",
    bench: "thaw",
    passage:
      /(\w+) process crashed, and (\w+) first call failed that is safe to retry\. Over HTTP\/2, bare connect-node failed (\d+) % of these calls, and grpc-js (\d+) %, with keepalive (\d+) %; (\d+) % of connect-node's failures were crashes of the process\./,
    figures(tables) {
      const ours = firstCalls(tables, "connect-lb");
      const theirs = firstCalls(tables, "connect-node");
      return [
        noneIf(ours.crashes === 0),
        noneIf(ours.idempotent.failed === 0),
        theirs.idempotent.share,
        firstCalls(tables, "grpc-js").idempotent.share,
        firstCalls(tables, "grpc-js, keepalive").idempotent.share,
        percent(theirs.crashes, theirs.failed),
      ];
    },
  },
  {
    page: "docs/DECISIONS.md",
    bench: "amplification",
    passage:
      /when one of three servers is killed, (\w+) call of up to (\d+) in flight fails, and in a total outage thirty clients send ([\d.]+) requests for each call/,
    figures(tables) {
      const rows = rowsOf(tables, /^What outages/);
      const killed = rows.filter(({ scenario }) => scenario?.startsWith("one of three killed"));
      const outage = rows.find(({ scenario }) => scenario?.startsWith("total outage"));
      return [
        noneIf(killed.every(({ failed }) => failed === "0")),
        `${Math.max(...killed.map(({ calls }) => Number(calls)))}`,
        outage?.["executions ÷ calls"] ?? "",
      ];
    },
  },
  {
    page: "docs/DECISIONS.md",
    bench: "coldstart",
    passage:
      /A bundle takes ([\d.]+) to ([\d.]+) × connect-node's CPU with `static:` and ([\d.]+) to ([\d.]+) × with `srv:`, and is ([\d.]+) KB larger/,
    figures: (tables) => [
      ...ratios(tables, "`static:`"),
      ...ratios(tables, "`srv:`"),
      rowsOf(tables, /^Size of the bundle/).find((row) => row[""] === "connect-lb")?.["more than connect-node, KB"] ??
        "",
    ],
  },
];
