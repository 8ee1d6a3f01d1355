import {
  type Cell,
  faults,
  freezes,
  kinds,
  limits,
  nameOf,
  ONE_WAY_MS,
  TIMEOUT_MS,
  type Wire,
  wires,
} from "../../test/thaw/cells.ts";
import { expectedOutcome, shortfalls } from "../../test/thaw/expected.ts";
import { type SubjectName, subjects } from "../../test/thaw/subjects.ts";
import type { TrialResult } from "../../test/thaw/trial.ts";
import { median } from "../statistics.ts";
import type { Place, Trials } from "./trials.ts";

const names = Object.keys(subjects) as SubjectName[];
const speaks = (subject: SubjectName, wire: Wire) => (subjects[subject].wires as readonly Wire[]).includes(wire);

/** The report, and whether what is claimed of the balanced client holds. */
export function report(cells: readonly Cell[], trials: Trials): { lines: string[]; problems: string[] } {
  const problems = check(cells, trials);
  return {
    lines: [
      ...summary(cells, trials),
      "",
      problems.length === 0
        ? "connect-lb: no crash, no idempotent call failed, and others failed only where expected (below)."
        : `**connect-lb falls short in ${problems.length} trials:** ${problems.join("; ")}.`,
      "",
      ...costs(cells, trials),
      "",
      ...unknowableCells(cells),
      "",
      ...fullTable(cells, trials),
    ],
    problems,
  };
}

function check(cells: readonly Cell[], trials: Trials): string[] {
  return cells.flatMap((cell) =>
    trials
      .of({ subject: "connect-lb", cell })
      .flatMap((result) => shortfalls(cell, result).map((problem) => `${nameOf(cell)}: ${problem}`)),
  );
}

/** By client and fault: the share of first calls that failed, over all freezes. */
function summary(cells: readonly Cell[], trials: Trials): string[] {
  const lines = [
    "## First calls that failed, or crashed the process",
    "",
    "Of all first calls after a thaw, by fault; in brackets those of idempotent methods. A client has no row for a protocol that it does not speak.",
    "",
    `| protocol | client | ${faults.join(" | ")} | crashes |`,
    `|---|---|${faults.map(() => "---|").join("")}---|`,
  ];
  for (const wire of Object.keys(wires) as Wire[]) {
    for (const subject of names.filter((name) => speaks(name, wire))) {
      const resultsOf = (wanted: (cell: Cell) => boolean) =>
        cells.filter((cell) => cell.wire === wire && wanted(cell)).flatMap((cell) => trials.of({ subject, cell }));
      const columns = faults.map((fault) => {
        const all = resultsOf((cell) => cell.fault === fault);
        const idempotent = resultsOf((cell) => cell.fault === fault && cell.kind === "idempotent");
        return all.length === 0
          ? "–"
          : `${failed(all)} of ${all.length} (${failed(idempotent)} of ${idempotent.length})`;
      });
      const crashes = resultsOf(() => true).filter(({ outcome }) => outcome === "crash").length;
      lines.push(`| ${[wire, subject, ...columns, crashes].join(" | ")} |`);
    }
  }
  return lines;
}

function failed(results: readonly TrialResult[]): number {
  return results.filter(({ outcome }) => outcome !== "ok").length;
}

/** What the balanced client's successful first calls took, by fault and freeze. */
function costs(cells: readonly Cell[], trials: Trials): string[] {
  const lines = [
    "## What a first call takes with connect-lb",
    "",
    `Median latency of the successful ones in ms, and the most connects, flights, look-ups and executions. A warm call takes one flight, ${2 * ONE_WAY_MS} ms.`,
    "",
    `| protocol | freeze | ${faults.join(" | ")} |`,
    `|---|---|${faults.map(() => "---|").join("")}`,
  ];
  for (const wire of Object.keys(wires) as Wire[]) {
    for (const freeze of Object.keys(freezes) as (keyof typeof freezes)[]) {
      const columns = faults.map((fault) => {
        const results = cells
          .filter((cell) => cell.wire === wire && cell.freeze === freeze && cell.fault === fault)
          .flatMap((cell) => trials.of({ subject: "connect-lb", cell }))
          .filter(({ outcome }) => outcome === "ok");
        return results.length === 0 ? "–" : `${latency(results)}; ${counts(results)}`;
      });
      lines.push(`| ${[wire, freeze, ...columns].join(" | ")} |`);
    }
  }
  return lines;
}

function unknowableCells(cells: readonly Cell[]): string[] {
  const lines = [
    "## Where a call may fail with connect-lb",
    "",
    "Only calls that must not be sent twice (of unknown idempotency, and server streams), and only where the request was sent on a",
    "connection that nobody knew to be dead, so that it may have been processed:",
    "",
  ];
  for (const wire of Object.keys(wires) as Wire[]) {
    const own = cells.filter((cell) => cell.wire === wire && cell.kind === "unknown" && expectedOutcome(cell) !== "ok");
    for (const cell of own)
      lines.push(`- ${wire}: ${cell.fault}, freeze ${freezes[cell.freeze].title}: \`${expectedOutcome(cell)}\``);
  }
  lines.push(
    "",
    "HTTP/1.1 has no PING: up to `idleMs` only the request itself finds out that its connection is dead, and after a silent drop an",
    "idempotent call is saved by `attemptTimeoutMs` alone. With all options at their defaults HTTP/1.1 connections are replaced after 5 s.",
  );
  return lines;
}

function fullTable(cells: readonly Cell[], trials: Trials): string[] {
  const lines = [
    "## Every cell",
    "",
    "Outcomes; then the most connects / flights / look-ups / executions that the first call added; then its median latency (ms).",
  ];
  for (const wire of Object.keys(wires) as Wire[]) {
    const own = names.filter((name) => speaks(name, wire));
    for (const kind of kinds) {
      lines.push(
        "",
        `### ${wire}, ${kind}`,
        "",
        `| fault | freeze | ${own.join(" | ")} |`,
        `|---|---|${own.map(() => "---|").join("")}`,
      );
      for (const cell of inOrder(cells.filter((one) => one.wire === wire && one.kind === kind))) {
        lines.push(
          `| ${[cell.fault, cell.freeze, ...own.map((subject) => content({ subject, cell }, trials))].join(" | ")} |`,
        );
      }
    }
  }
  return lines;
}

/** By fault, then by length of the freeze. */
function inOrder(cells: readonly Cell[]): Cell[] {
  const lengths = Object.keys(freezes);
  const place = ({ fault, freeze }: Cell) => faults.indexOf(fault) * lengths.length + lengths.indexOf(freeze);
  return cells.toSorted((a, b) => place(a) - place(b));
}

function content(place: Place, trials: Trials): string {
  const results = trials.of(place);
  if (results.length === 0) return "–";
  const outcomes = new Map<string, number>();
  for (const { outcome } of results) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  const told = [...outcomes].map(([outcome, count]) => (outcome === "ok" ? `${count} ok` : `**${count} ${outcome}**`));
  return `${told.join(", ")}; ${counts(results)}; ${latency(results)}`;
}

function counts(results: readonly TrialResult[]): string {
  const largest = (count: (result: TrialResult) => number) => Math.max(...results.map(count));
  return [
    largest(({ connects }) => connects),
    largest(({ flights }) => flights),
    largest(({ lookUps }) => lookUps),
    largest(({ executions }) => executions),
  ].join("/");
}

function latency(results: readonly TrialResult[]): string {
  const known = results.flatMap(({ latencyMs }) => (latencyMs === undefined ? [] : [latencyMs]));
  return known.length === 0 ? "–" : median(known).toFixed(0);
}

/** What was measured, and how. */
export function preamble(): string[] {
  const { verifyAfterMs, idleMs, ttlSeconds, attemptTimeoutMs } = limits;
  const lengths = Object.entries(freezes).map(([name, { ms, title }]) => `${name}: ${ms / 1_000} s, ${title}`);
  return [
    "# The first call after a freeze",
    "",
    "Written by `npm run bench:thaw`. Each trial is a client in a process of its own: two warm calls, SIGSTOP, a fault, SIGCONT, one",
    `call that was asked for during the freeze. Real sockets, through a relay that holds back what passes for ${ONE_WAY_MS} ms each way and counts`,
    "connections and flights (what the client sends and then waits for). A round is a trial of each cell, all clients interleaved in a shuffled order.",
    "",
    `Freezes: ${lengths.join("; ")}.`,
    "",
    `Every client: a deadline of ${TIMEOUT_MS / 1_000} s, cleartext, one server. connect-lb finds it by SRV (TTL ${ttlSeconds} s) and has \`verifyAfterMs\` ${verifyAfterMs},`,
    `\`idleMs\` ${idleMs} and \`attemptTimeoutMs\` ${attemptTimeoutMs}, except in the row with the defaults. The others are told the address, so a server on another`,
    `port is out of their reach; pings and keepalive: every ${verifyAfterMs} ms, with a limit of ${verifyAfterMs} ms. Unlike connect-lb's, their calls are never repeated`,
    "(grpc-js repeats by itself what it did not send).",
    "",
  ];
}
